"""Events as they stand in the audit log, and back. What is recorded is enough to decide everything once more.

Subject tokens stay out: the log is kept longer than the vault's keys, so only their number is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import lethe_events as wire
from lethe_events.canonical import canonical_of_built
from lethe_events.models import from_python, to_python
from orchestrator.domain import events as e
from orchestrator.domain.errors import HistoryBroken
from orchestrator.domain.record_parts import Json, clock_json, clock_of, instant
from orchestrator.domain.record_requests import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.domain.rules import ProcessorRules

LATE_AFTER_S = 30
"""A moment that fires later than this is marked late in the record."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the record leaves to what stands around it. `registers`: version → processor → its rules."""

    saga_id: UUID
    controller_id: str
    registers: Mapping[str, Mapping[str, ProcessorRules]]


def kind_of(event_type: type) -> str:
    """The name of an event in the record: stable, whatever its class is called."""
    return _KINDS[event_type]


def actor(event: e.Event) -> str | None:
    """The person who acted; None where nobody did."""
    return getattr(event, "by", None)


def to_json(event: e.Event) -> Json:
    """What the record says beside `at`, kind and actor."""
    return _WRITE[type(event)](event)


def from_json(kind_: str, at: datetime, by: str | None, data: Json, context: Context) -> e.Event:
    """Raises HistoryBroken for a kind that this code does not know or a register that is not at hand."""
    if kind_ not in _READ:
        raise HistoryBroken(f"no event of kind {kind_!r}: replay it with the version that wrote it")
    try:
        return _READ[kind_](at, by, data, context)
    except KeyError as error:
        raise HistoryBroken(f"{kind_}: {error} is missing in the record or in the registers") from None


def _write_received(event: e.DsrReceived) -> Json:
    return {"message": str(event.message_id), "dsr": to_python(event.dsr), "clock": clock_json(event.clock)}


def _read_received(at: datetime, _by: str | None, data: Json, _context: Context) -> e.Event:
    dsr = from_python(wire.DsrReceived, data["dsr"])
    return e.DsrReceived(at, UUID(data["message"]), dsr, clock_of(data["clock"]))


def _write_planned(event: e.ScopePlanned) -> Json:
    found: Json = {
        "register": event.register_version,
        "processors": [p.processor_id for p in event.processors],
    }
    if event.tokens:
        found["tokens"] = {p: len(t) for p, t in event.tokens.items()}
    return found


def _read_planned(at: datetime, _by: str | None, data: Json, context: Context) -> e.Event:
    register = context.registers[data["register"]]
    tokens = {p: _placeholders(n) for p, n in data.get("tokens", {}).items()}
    return e.ScopePlanned(at, data["register"], tuple(register[p] for p in data["processors"]), tokens)


def _placeholders(count: int) -> tuple[str, ...]:
    return ("",) * count


def _write_joined(event: e.ProcessorJoined) -> Json:
    return {
        "register": event.register_version,
        "processor": event.processor.processor_id,
        "tokens": len(event.tokens),
    }


def _read_joined(at: datetime, _by: str | None, data: Json, context: Context) -> e.Event:
    rules = context.registers[data["register"]][data["processor"]]
    return e.ProcessorJoined(at, data["register"], rules, _placeholders(data["tokens"]))


_ACK_ELSEWHERE = ("dsr_id", "controller_id")


def answer_json(ack: wire.TaskAcknowledged) -> Json:
    """An acknowledgement as recorded; saga and controller are said around it."""
    found: Json = to_python(ack)
    for name in _ACK_ELSEWHERE:
        del found[name]
    return found


def answer_text(ack: wire.TaskAcknowledged) -> str:
    """The same as canonical JSON."""
    return canonical_of_built(answer_json(ack)).decode()


def _write_acked(event: e.TaskAcked) -> Json:
    return {"message": event.message_id, "ack": answer_json(event.ack)}


def _read_acked(at: datetime, _by: str | None, data: Json, context: Context) -> e.Event:
    ack = {"dsr_id": str(context.saga_id), "controller_id": context.controller_id, **data["ack"]}
    return e.TaskAcked(at, UUID(data["message"]), from_python(wire.TaskAcknowledged, ack))


def _write_timer(event: e.RetryDue | e.AckOverdue | e.VerifyDue) -> Json:
    return {"task": str(event.task_id), **_due(event.at, event.due_at)}


def _due(at: datetime, due_at: datetime) -> Json:
    late = int((at - due_at).total_seconds())
    found: Json = {"due_at": instant(due_at)}
    if late > LATE_AFTER_S:
        found["late_s"] = late
    return found


def _read_timer(type_: Callable[[datetime, UUID, datetime], e.Event]) -> Callable[..., e.Event]:
    def read(at: datetime, _by: str | None, data: Json, _context: Context) -> e.Event:
        return type_(at, UUID(data["task"]), datetime.fromisoformat(data["due_at"]))

    return read


def _write_alarm(event: e.AlarmDue) -> Json:
    return {"rung": event.rung, **_due(event.at, event.due_at)}


def _read_alarm(at: datetime, _by: str | None, data: Json, _context: Context) -> e.Event:
    return e.AlarmDue(at, data["rung"], datetime.fromisoformat(data["due_at"]))


def _write_retention(event: e.RetentionOver) -> Json:
    return _due(event.at, event.due_at)


def _read_retention(at: datetime, _by: str | None, data: Json, _context: Context) -> e.Event:
    return e.RetentionOver(at, datetime.fromisoformat(data["due_at"]))


def _write_retry(event: e.TaskRetryRequested) -> Json:
    found: Json = {"task": str(event.task_id)}
    if event.rules is not None:
        found |= {"register": event.rules.register_version, "processor": event.rules.processor_id}
        found["tokens"] = len(event.tokens)
    return found


def _read_retry(at: datetime, by: str | None, data: Json, context: Context) -> e.Event:
    rules = context.registers[data["register"]][data["processor"]] if "register" in data else None
    return e.TaskRetryRequested(at, UUID(data["task"]), by or "", rules, _placeholders(data.get("tokens", 0)))


def _write_proposed(event: e.ExceptionProposed) -> Json:
    return {
        "task": str(event.task_id),
        "ground": event.ground,
        "article": event.article,
        "reason": event.reason,
    }


def _read_proposed(at: datetime, by: str | None, data: Json, _context: Context) -> e.Event:
    return e.ExceptionProposed(at, UUID(data["task"]), data["ground"], data["article"], data["reason"], by or "")


def _write_approved(event: e.ExceptionApproved) -> Json:
    return {"task": str(event.task_id)}


def _read_approved(at: datetime, by: str | None, data: Json, _context: Context) -> e.Event:
    return e.ExceptionApproved(at, UUID(data["task"]), by or "")


_KINDS: Mapping[type, str] = {
    e.DsrReceived: "dsr_received",
    e.ScopePlanned: "scope_planned",
    e.ProcessorJoined: "processor_joined",
    e.TaskAcked: "task_acked",
    e.RetryDue: "retry_due",
    e.AckOverdue: "ack_overdue",
    e.VerifyDue: "verify_due",
    e.AlarmDue: "alarm_due",
    e.TaskRetryRequested: "task_retry_requested",
    e.ExceptionProposed: "exception_proposed",
    e.ExceptionApproved: "exception_approved",
    **{event: kind for event, (kind, _, _) in REQUESTS.items()},
    e.RetentionOver: "retention_over",
}
_WRITE: Mapping[type, Callable[[Any], Json]] = {
    e.DsrReceived: _write_received,
    e.ScopePlanned: _write_planned,
    e.ProcessorJoined: _write_joined,
    e.TaskAcked: _write_acked,
    e.RetryDue: _write_timer,
    e.AckOverdue: _write_timer,
    e.VerifyDue: _write_timer,
    e.AlarmDue: _write_alarm,
    e.TaskRetryRequested: _write_retry,
    e.ExceptionProposed: _write_proposed,
    e.ExceptionApproved: _write_approved,
    **{event: write for event, (_, write, _) in REQUESTS.items()},
    e.RetentionOver: _write_retention,
}
_READ: Mapping[str, Callable[..., e.Event]] = {
    "dsr_received": _read_received,
    "scope_planned": _read_planned,
    "processor_joined": _read_joined,
    "task_acked": _read_acked,
    "retry_due": _read_timer(e.RetryDue),
    "ack_overdue": _read_timer(e.AckOverdue),
    "verify_due": _read_timer(e.VerifyDue),
    "alarm_due": _read_alarm,
    "task_retry_requested": _read_retry,
    "exception_proposed": _read_proposed,
    "exception_approved": _read_approved,
    **{kind: read for kind, _, read in REQUESTS.values()},
    "retention_over": _read_retention,
}
