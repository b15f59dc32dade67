"""Events about a request as a whole as they stand in the audit log, and back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from orchestrator.domain import events as e
from orchestrator.domain.record_decisions import DECISIONS
from orchestrator.domain.record_holds import HOLDS
from orchestrator.domain.record_letters import LETTERS
from orchestrator.domain.record_parts import Json, clock_json, clock_of, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _write_withdrawn(event: e.Withdrawn) -> Json:
    found: Json = {"controller": event.controller_id, "said_at": instant(event.said_at)}
    if event.message_id is not None:
        found["message"] = str(event.message_id)
    return found


def _read_withdrawn(at: datetime, by: str | None, data: Json, _context: object) -> e.Event:
    message = UUID(data["message"]) if "message" in data else None
    return e.Withdrawn(at, data["controller"], datetime.fromisoformat(data["said_at"]), message, by)


def _write_extended(event: e.Extended) -> Json:
    return {
        "further": event.further,
        "reasons": list(event.reasons),
        "notified_at": instant(event.notified_at),
        "clock": clock_json(event.clock),
    }


def _read_extended(at: datetime, by: str | None, data: Json, _context: object) -> e.Event:
    notified_at = datetime.fromisoformat(data["notified_at"])
    return e.Extended(at, data["further"], tuple(data["reasons"]), notified_at, by or "", clock_of(data["clock"]))


def _write_refusing(event: e.RefusalProposed) -> Json:
    found: Json = {"ground": event.ground, "article": event.article, "reason": event.reason}
    if event.authority is not None:
        found["authority"] = event.authority
    return found


def _read_refusing(at: datetime, by: str | None, data: Json, _context: object) -> e.Event:
    return e.RefusalProposed(at, data["ground"], data["article"], data["reason"], by or "", data.get("authority"))


def _read_refused(at: datetime, by: str | None, _data: Json, _context: object) -> e.Event:
    return e.RefusalApproved(at, by or "")


def _write_identified(event: e.IdentityVerified) -> Json:
    found: Json = {
        "message": str(event.message_id),
        "controller": event.controller_id,
        "method": event.method,
        "shown_at": instant(event.shown_at),
    }
    if event.clock is not None:
        found["clock"] = clock_json(event.clock)
    return found


def _read_identified(at: datetime, _by: str | None, data: Json, _context: object) -> e.Event:
    clock = clock_of(data["clock"]) if "clock" in data else None
    shown_at = datetime.fromisoformat(data["shown_at"])
    return e.IdentityVerified(at, UUID(data["message"]), data["controller"], data["method"], shown_at, clock)


def _write_hold(event: e.HoldProposed) -> Json:
    return {
        "hold": str(event.hold_id),
        "ground": event.ground,
        "article": event.article,
        "matter": event.matter,
        "processors": list(event.processors),
    }


def _read_hold(at: datetime, by: str | None, data: Json, _context: object) -> e.Event:
    named = (data["ground"], data["article"], data["matter"], tuple(data["processors"]))
    return e.HoldProposed(at, UUID(data["hold"]), *named, by or "")


def _write_of_hold(event: e.HoldLiftProposed | e.HoldApproved) -> Json:
    return {"hold": str(event.hold_id)}


def _read_of_hold(type_: type[e.HoldLiftProposed | e.HoldApproved]) -> Callable[..., e.Event]:
    def read(at: datetime, by: str | None, data: Json, _context: object) -> e.Event:
        return type_(at, UUID(data["hold"]), by or "")

    return read


def _write_nothing(_: e.RefusalApproved) -> Json:
    return {}


REQUESTS: Final[Mapping[type, tuple[str, Callable[[Any], Json], Callable[..., e.Event]]]] = {
    e.Withdrawn: ("withdrawn", _write_withdrawn, _read_withdrawn),
    e.Extended: ("extended", _write_extended, _read_extended),
    e.RefusalProposed: ("refusal_proposed", _write_refusing, _read_refusing),
    e.RefusalApproved: ("refusal_approved", _write_nothing, _read_refused),
    e.HoldProposed: ("hold_proposed", _write_hold, _read_hold),
    e.HoldLiftProposed: ("hold_lift_proposed", _write_of_hold, _read_of_hold(e.HoldLiftProposed)),
    e.HoldApproved: ("hold_approved", _write_of_hold, _read_of_hold(e.HoldApproved)),
    e.IdentityVerified: ("identity_verified", _write_identified, _read_identified),
    **LETTERS,
    **HOLDS,
    **DECISIONS,
}
"""Event → its name in the record, how it is written, how it is read."""
