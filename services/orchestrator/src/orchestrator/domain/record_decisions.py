"""Decisions of people as they stand in the audit log, and back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from orchestrator.domain.decision_events import DecisionApproved, DecisionProposed
from orchestrator.domain.lift_events import LiftAnnounced, LiftCalledOff, LiftDue, LiftOrdered
from orchestrator.domain.record_parts import Json, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _write_proposed(event: DecisionProposed) -> Json:
    found: Json = {"outcome": event.outcome, "reasons": list(event.reasons)}
    if event.ground is not None:
        found |= {"ground": event.ground, "article": event.article}
    return found


def _read_proposed(at: datetime, by: str | None, data: Json, _context: object) -> DecisionProposed:
    return DecisionProposed(
        at, data["outcome"], tuple(data["reasons"]), by or "", data.get("ground"), data.get("article")
    )


def _write_approved(_: DecisionApproved) -> Json:
    return {}


def _read_approved(at: datetime, by: str | None, _data: Json, _context: object) -> DecisionApproved:
    return DecisionApproved(at, by or "")


def _write_lift(event: LiftOrdered) -> Json:
    return {"told_at": None if event.told_at is None else instant(event.told_at), "reason": event.reason}


def _read_lift(at: datetime, by: str | None, data: Json, _context: object) -> LiftOrdered:
    told_at = data["told_at"]
    return LiftOrdered(at, None if told_at is None else datetime.fromisoformat(told_at), data["reason"], by or "")


def _write_announced(event: LiftAnnounced) -> Json:
    return {"days": event.days, "reason": event.reason}


def _read_announced(at: datetime, by: str | None, data: Json, _context: object) -> LiftAnnounced:
    return LiftAnnounced(at, data["days"], data["reason"], by or "")


def _write_called_off(event: LiftCalledOff) -> Json:
    return {"reason": event.reason}


def _read_called_off(at: datetime, by: str | None, data: Json, _context: object) -> LiftCalledOff:
    return LiftCalledOff(at, data["reason"], by or "")


def _write_due(event: LiftDue) -> Json:
    return {"due_at": instant(event.due_at)}


def _read_due(at: datetime, _by: str | None, data: Json, _context: object) -> LiftDue:
    return LiftDue(at, datetime.fromisoformat(data["due_at"]))


DECISIONS: Final[Mapping[type, tuple[str, Callable[[Any], Json], Callable[..., Any]]]] = {
    DecisionProposed: ("decision_proposed", _write_proposed, _read_proposed),
    DecisionApproved: ("decision_approved", _write_approved, _read_approved),
    LiftOrdered: ("lift_ordered", _write_lift, _read_lift),
    LiftAnnounced: ("lift_announced", _write_announced, _read_announced),
    LiftCalledOff: ("lift_called_off", _write_called_off, _read_called_off),
    LiftDue: ("lift_due", _write_due, _read_due),
}
"""Event → its name in the record, how it is written, how it is read."""
