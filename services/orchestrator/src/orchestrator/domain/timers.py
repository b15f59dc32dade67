"""What time brings to a saga. Its next moment is one row that moves; nothing fires before its moment."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.domain.clock import LADDER, rings_at, rung_due
from orchestrator.domain.closing import place
from orchestrator.domain.escalation import calls_due, next_call
from orchestrator.domain.events import AckOverdue, AlarmDue, RetentionOver, RetryDue, VerifyDue
from orchestrator.domain.hold_events import KeptPartDue
from orchestrator.domain.kept_parts import due_at as kept_due_at
from orchestrator.domain.kept_parts import forget_at
from orchestrator.domain.lift_acts import lifts_at
from orchestrator.domain.lift_events import LiftDue
from orchestrator.domain.words import RESTRICTED, TaskStatus

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from orchestrator.domain.escalation import Ladder
    from orchestrator.domain.events import TimerEvent
    from orchestrator.domain.saga import Saga, Task


class Kind(StrEnum):
    ACK_OVERDUE = "ack_overdue"
    RETRY = "retry"
    VERIFY = "verify"
    ALARM = "alarm"
    CALL = "call"
    LIFT = "lift"
    KEPT = "kept"
    RETENTION = "retention"


class Moment(NamedTuple):
    due_at: datetime
    kind: Kind
    task_id: UUID | None = None


_KIND = {
    TaskStatus.ISSUED: Kind.ACK_OVERDUE,
    TaskStatus.RETRYING: Kind.RETRY,
    TaskStatus.ACCEPTED: Kind.VERIFY,
}


def next_moment(saga: Saga, retention: timedelta, ladder: Ladder | None = None) -> Moment | None:
    """The earliest moment at which something is due by itself; None when nothing ever is.

    `retention`: how long a closed saga keeps its vault entry. `ladder`: by which people are called.
    """
    if saga.closed_at is not None:
        return _after_closing(saga, retention)
    alarm_at = rung_due(saga)
    first = None if alarm_at is None else Moment(alarm_at, Kind.ALARM)
    if ladder is not None:
        call_at = next_call(saga, ladder)
        if call_at is not None and (first is None or call_at < first.due_at):
            first = Moment(call_at, Kind.CALL)
    lift_at = _lift_at(saga)
    if lift_at is not None and (first is None or lift_at < first.due_at):
        first = Moment(lift_at, Kind.LIFT)
    for task in saga.tasks.values():
        due_at = task.due_at
        if due_at is not None and task.status in _KIND and (first is None or due_at < first.due_at):
            first = Moment(due_at, _KIND[task.status], task.id)
    return first


def _lift_at(saga: Saga) -> datetime | None:
    """Only while the restriction is all that is left: what is still done in between comes first."""
    if saga.beside is None or saga.beside.announcing is None or place(saga) != RESTRICTED:
        return None
    return lifts_at(saga)


def _after_closing(saga: Saga, retention: timedelta) -> Moment | None:
    """What was kept is erased first; only then may the identifiers go by which it is found."""
    if saga.shredded_at is not None:
        return None
    kept_at = kept_due_at(saga)
    if kept_at is not None:
        return Moment(kept_at, Kind.KEPT)
    over = forget_at(saga, retention)
    return None if over is None else Moment(over, Kind.RETENTION)


def due_events(saga: Saga, now: datetime, retention: timedelta, ladder: Ladder | None = None) -> list[TimerEvent]:
    """Everything that is due, oldest first; after an outage each moment fires once, with the time it was set for."""
    if saga.closed_at is not None:
        moment = _after_closing(saga, retention)
        if moment is None or moment.due_at > now:
            return []
        event = KeptPartDue if moment.kind is Kind.KEPT else RetentionOver
        return [event(now, moment.due_at)]
    found: list[TimerEvent] = [
        _event(task, now, task.due_at)
        for task in saga.tasks.values()
        if task.due_at is not None and task.due_at <= now and task.status in _KIND
    ]
    if saga.answered_at is None:
        for index in range(saga.alarm, len(LADDER)):
            due_at = rings_at(saga, index)
            if due_at > now:
                break
            found.append(AlarmDue(now, index, due_at))
    if ladder is not None:
        found += calls_due(saga, ladder, now)
    lift_at = _lift_at(saga)
    if lift_at is not None and lift_at <= now:
        found.append(LiftDue(now, lift_at))
    found.sort(key=lambda event: event.due_at)
    return found


def _event(task: Task, now: datetime, due_at: datetime) -> TimerEvent:
    if task.status is TaskStatus.ISSUED:
        return AckOverdue(now, task.id, due_at)
    if task.status is TaskStatus.RETRYING:
        return RetryDue(now, task.id, due_at)
    return VerifyDue(now, task.id, due_at)
