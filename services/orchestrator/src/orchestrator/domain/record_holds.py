"""Events from what is set for a whole controller, and from dates of kept parts, as recorded, and back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from msgspec import convert, to_builtins

from orchestrator.domain import hold_events as e
from orchestrator.domain.beside import Hold
from orchestrator.domain.escalation_event import Escalated
from orchestrator.domain.record_parts import Json, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _write_imposed(event: e.HoldImposed) -> Json:
    found: Json = to_builtins(event.hold)
    return {"hold": found}


def _read_imposed(at: datetime, _by: str | None, data: Json, _context: object) -> object:
    return e.HoldImposed(at, convert(data["hold"], Hold))


def _write_released(event: e.HoldReleased) -> Json:
    return {"hold": str(event.hold_id), "proposed_by": event.proposed_by}


def _read_released(at: datetime, by: str | None, data: Json, _context: object) -> object:
    return e.HoldReleased(at, UUID(data["hold"]), data["proposed_by"], by or "")


def _write_kept(event: e.KeptPartDue) -> Json:
    found: Json = {"due_at": instant(event.due_at)}
    if event.register_version is not None:
        found["register"] = event.register_version
        found["processors"] = [r.processor_id for r in event.processors]
    return found


def _read_kept(at: datetime, _by: str | None, data: Json, context: Any) -> object:
    due_at = datetime.fromisoformat(data["due_at"])
    if "register" not in data:
        return e.KeptPartDue(at, due_at)
    register = context.registers[data["register"]]
    return e.KeptPartDue(at, due_at, data["register"], tuple(register[p] for p in data["processors"]))


def _write_escalated(event: Escalated) -> Json:
    return {"rung": event.rung, "calls": event.calls, "policy": event.policy, "due_at": instant(event.due_at)}


def _read_escalated(at: datetime, _by: str | None, data: Json, _context: object) -> object:
    return Escalated(at, data["rung"], data["calls"], data["policy"], datetime.fromisoformat(data["due_at"]))


HOLDS: Final[Mapping[type, tuple[str, Callable[[Any], Json], Callable[..., Any]]]] = {
    e.HoldImposed: ("hold_imposed", _write_imposed, _read_imposed),
    e.HoldReleased: ("hold_released", _write_released, _read_released),
    Escalated: ("escalated", _write_escalated, _read_escalated),
    e.KeptPartDue: ("kept_part_due", _write_kept, _read_kept),
}
"""Event → its name in the record, how it is written, how it is read."""
