"""Events about letters as they stand in the audit log, and back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from lethe_events import LetterState
from orchestrator.domain.letter_events import ExtensionAsked, LetterReported
from orchestrator.domain.record_parts import Json, clock_json, clock_of, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPTIONAL = ("language", "sha256", "reason")


def _write_asked(event: ExtensionAsked) -> Json:
    return {"further": event.further, "reasons": list(event.reasons), "clock": clock_json(event.clock)}


def _read_asked(at: datetime, by: str | None, data: Json, _context: object) -> ExtensionAsked:
    return ExtensionAsked(at, data["further"], tuple(data["reasons"]), by or "", clock_of(data["clock"]))


def _write_reported(event: LetterReported) -> Json:
    found: Json = {
        "message": str(event.message_id),
        "letter": str(event.letter_id),
        "controller": event.controller_id,
        "kind": event.kind,
        "state": event.state.value,
        "happened_at": instant(event.happened_at),
    }
    found |= {name: value for name in _OPTIONAL if (value := getattr(event, name)) is not None}
    if event.clock is not None:
        found["clock"] = clock_json(event.clock)
    return found


def _read_reported(at: datetime, _by: str | None, data: Json, _context: object) -> LetterReported:
    return LetterReported(
        at=at,
        message_id=UUID(data["message"]),
        letter_id=UUID(data["letter"]),
        controller_id=data["controller"],
        kind=data["kind"],
        state=LetterState(data["state"]),
        happened_at=datetime.fromisoformat(data["happened_at"]),
        clock=clock_of(data["clock"]) if "clock" in data else None,
        **{name: data.get(name) for name in _OPTIONAL},
    )


LETTERS: Final[Mapping[type, tuple[str, Callable[[Any], Json], Callable[..., Any]]]] = {
    ExtensionAsked: ("extension_asked", _write_asked, _read_asked),
    LetterReported: ("letter_reported", _write_reported, _read_reported),
}
"""Event → its name in the record, how it is written, how it is read."""
