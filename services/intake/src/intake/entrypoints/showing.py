"""What is shown of a stored DSR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.entrypoints.schemas import Dsr, Links, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from intake.application.views import DsrView

PAGE = 50
NO_DSR = "There is no such DSR, or it is not yours to see."


def links(dsr_id: UUID) -> Links:
    return Links(self=f"/v1/dsrs/{dsr_id}", package=f"/v1/dsrs/{dsr_id}/package")


def shown(view: DsrView) -> Dsr:
    """Dates come from the newest status, because extensions and pauses move them; the rest from both."""
    told: Mapping[str, object] = view.told
    return Dsr.model_validate(
        {
            "dsr_id": view.dsr_id,
            "controller_id": view.controller_id,
            "right": view.right,
            "export_first": view.export_first,
            "particulars": view.asked,
            "transmission": view.transmission,
            "channel": view.channel,
            "country": view.country,
            "identifier_kinds": view.identifier_kinds,
            "received_at": view.received_at,
            "accepted_at": view.accepted_at,
            "state": view.state,
            "due_strict": told.get("due_strict", view.due_strict),
            "due_legal": told.get("due_legal", view.due_legal),
            "due_date": view.due_date,
            "rule": view.rule,
            "progress": Progress.model_validate({k: told.get(k, 0) for k in ("tasks", "settled", "open_incidents")}),
            "result": told.get("result"),
            "retained": told.get("retained", ()),
            "certificate_sha256": told.get("certificate_sha256"),
            "package_ready": "package" in told,
            "status_at": told.get("at"),
            "withdrawn_at": view.withdrawn_at,
            "identity": {
                "method": view.identity,
                "doubt": view.doubt,
                "verified_at": view.verified_at,
                "verified_by": view.verified_by_method,
            },
            "parent_id": view.parent_id,
            "repeats": None
            if view.requests is None
            else {"open_dsr_id": view.repeats, "patterns": view.patterns, "requests": view.requests},
            "links": links(view.dsr_id),
        }
    )
