"""What may happen to a task in each status: every pair of status and happening is in exactly one of three tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.domain import task_acts as act
from orchestrator.domain.words import Happening, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.domain.decision import Verdictless

    TaskAct = Callable[..., Verdictless]

H, S = Happening, TaskStatus


@dataclass(frozen=True, slots=True)
class TaskStep:
    """`targets`: the statuses it may lead to; which of them follows from the register's rules."""

    status: TaskStatus
    happening: Happening
    targets: tuple[TaskStatus, ...]
    act: TaskAct
    article: str


@dataclass(frozen=True, slots=True)
class TaskIgnore:
    status: TaskStatus
    happening: Happening
    reason: str


@dataclass(frozen=True, slots=True)
class TaskReject:
    status: TaskStatus
    happening: Happening
    code: str
    detail: str


_EXCEPTIONS = "GDPR Art. 17(3), 15(4); 5(2)"
_ACCOUNT = "GDPR Art. 5(2)"
_DELAY = "GDPR Art. 12(3) undue delay"
_ERASE = "GDPR Art. 17(1)"

TASK_STEPS: tuple[TaskStep, ...] = (
    # asked, no answer yet
    TaskStep(S.ISSUED, H.GOOD, (S.DONE,), act.settle, "GDPR Art. 15(1), 17(1); 5(2)"),
    TaskStep(S.ISSUED, H.PROMISED, (S.ACCEPTED,), act.hold_to_promise, "GDPR Art. 28(3)(e)"),
    TaskStep(S.ISSUED, H.RESIDUAL, (S.RETRYING, S.DONE, S.INCIDENT), act.look_refuted, _ERASE),
    TaskStep(S.ISSUED, H.TRANSIENT, (S.RETRYING, S.INCIDENT), act.back_off, _DELAY),
    TaskStep(S.ISSUED, H.PERMANENT, (S.INCIDENT,), act.fail, _DELAY),
    TaskStep(S.ISSUED, H.NEEDS_PERSON, (S.INCIDENT,), act.call_person, _DELAY),
    TaskStep(S.ISSUED, H.ACK_OVERDUE, (S.ISSUED, S.INCIDENT), act.ask_overdue, _DELAY),
    TaskStep(S.ISSUED, H.RETRY_REQUESTED, (S.ISSUED, S.INCIDENT), act.retry, _DELAY),
    # waiting to be asked again
    TaskStep(S.RETRYING, H.RETRY_DUE, (S.ISSUED, S.INCIDENT, S.ON_HOLD), act.ask_after_back_off, _DELAY),
    TaskStep(S.RETRYING, H.RETRY_REQUESTED, (S.ISSUED, S.INCIDENT), act.retry, _DELAY),
    # promised by an asynchronous vendor
    TaskStep(S.ACCEPTED, H.GOOD, (S.DONE,), act.settle, "GDPR Art. 17(1); 5(2)"),
    TaskStep(S.ACCEPTED, H.RESIDUAL, (S.RETRYING, S.DONE, S.INCIDENT), act.look_refuted, _ERASE),
    TaskStep(S.ACCEPTED, H.TRANSIENT, (S.RETRYING, S.INCIDENT), act.back_off, _DELAY),
    TaskStep(S.ACCEPTED, H.PERMANENT, (S.INCIDENT,), act.fail, "GDPR Art. 28(3)(e)"),
    TaskStep(S.ACCEPTED, H.NEEDS_PERSON, (S.INCIDENT,), act.call_person, _DELAY),
    TaskStep(S.ACCEPTED, H.VERIFY_DUE, (S.ACCEPTED, S.ISSUED, S.DONE, S.INCIDENT), act.look_at_promise, _ERASE),
    TaskStep(S.ACCEPTED, H.RETRY_REQUESTED, (S.ACCEPTED, S.ISSUED, S.DONE, S.INCIDENT), act.retry, _DELAY),
    # settled; looking may still refute it while the saga is open
    TaskStep(S.DONE, H.RESIDUAL, (S.RETRYING, S.DONE, S.INCIDENT), act.look_refuted, "GDPR Art. 17(1); 5(2)"),
    TaskStep(S.EXCEPTED, H.GOOD, (S.EXCEPTED,), act.record_although_excepted, _ACCOUNT),
    # a person has to look
    TaskStep(S.INCIDENT, H.GOOD, (S.DONE,), act.settle, "GDPR Art. 15(1), 17(1); 5(2)"),
    TaskStep(S.INCIDENT, H.PROMISED, (S.ACCEPTED,), act.hold_to_promise, "GDPR Art. 28(3)(e)"),
    TaskStep(S.INCIDENT, H.RESIDUAL, (S.RETRYING, S.DONE, S.INCIDENT), act.look_refuted, _ERASE),
    TaskStep(S.INCIDENT, H.RETRY_REQUESTED, (S.ISSUED, S.DONE, S.INCIDENT), act.retry, _DELAY),
    # exceptions
    *(
        TaskStep(s, H.EXCEPTION_PROPOSED, (s,), act.propose, _EXCEPTIONS)
        for s in (S.BLOCKED, S.ISSUED, S.RETRYING, S.ACCEPTED, S.INCIDENT, S.ON_HOLD)
    ),
    *(
        TaskStep(s, H.EXCEPTION_APPROVED, (S.EXCEPTED,), act.approve, _EXCEPTIONS)
        for s in (S.BLOCKED, S.ISSUED, S.RETRYING, S.ACCEPTED, S.INCIDENT, S.ON_HOLD)
    ),
)

_RACED = "the timer raced what has happened since"
_NEWER = "a newer attempt is on its way and will tell"
_LOOKING = "a person is already looking"
_SETTLED = "already settled; an answer counts once"

TASK_IGNORED: tuple[TaskIgnore, ...] = (
    *(TaskIgnore(s, H.ACK_OVERDUE, _RACED) for s in S if s is not S.ISSUED),
    *(TaskIgnore(s, H.RETRY_DUE, _RACED) for s in S if s is not S.RETRYING),
    *(TaskIgnore(s, H.VERIFY_DUE, _RACED) for s in S if s is not S.ACCEPTED),
    TaskIgnore(S.ACCEPTED, H.PROMISED, "promised already; the first date stands"),
    *(TaskIgnore(S.INCIDENT, h, _LOOKING) for h in (H.TRANSIENT, H.PERMANENT, H.NEEDS_PERSON)),
    *(TaskIgnore(S.DONE, h, _SETTLED) for h in (H.GOOD, H.PROMISED, H.TRANSIENT, H.PERMANENT, H.NEEDS_PERSON)),
    *(
        TaskIgnore(S.EXCEPTED, h, "excepted; nothing is owed")
        for h in (H.PROMISED, H.RESIDUAL, H.TRANSIENT, H.PERMANENT, H.NEEDS_PERSON)
    ),
    *(TaskIgnore(S.CANCELLED, h, "called off") for h in H if h not in {H.ACK_OVERDUE, H.RETRY_DUE, H.VERIFY_DUE}),
)

_ANSWERS = (H.GOOD, H.PROMISED, H.RESIDUAL, H.TRANSIENT, H.PERMANENT, H.NEEDS_PERSON)
_ASK_WHEN_DUE = "it waits for tasks before it: settle those"
_NOTHING_LEFT = "it is settled: nothing is left to do or to except"

_UNREACHED = "the right reaches nothing at this processor: the saga says why"

TASK_REJECTED: tuple[TaskReject, ...] = (
    *(TaskReject(S.NOT_CONCERNED, h, "never_asked", "this task was never asked for") for h in _ANSWERS),
    *(
        TaskReject(S.NOT_CONCERNED, h, "not_concerned", _UNREACHED)
        for h in (H.RETRY_REQUESTED, H.EXCEPTION_PROPOSED, H.EXCEPTION_APPROVED)
    ),
    *(TaskReject(S.BLOCKED, h, "never_asked", "this task was never asked for") for h in _ANSWERS),
    *(TaskReject(S.RETRYING, h, "answered_twice", "every attempt asked for has its answer") for h in _ANSWERS),
    *(TaskReject(S.ON_HOLD, h, "answered_twice", "every attempt asked for has its answer") for h in _ANSWERS),
    TaskReject(S.ON_HOLD, H.RETRY_REQUESTED, "on_hold", "a legal hold is on this erasure: lift the hold first"),
    TaskReject(S.BLOCKED, H.RETRY_REQUESTED, "blocked", _ASK_WHEN_DUE),
    *(
        TaskReject(s, h, "settled", _NOTHING_LEFT)
        for s in (S.DONE, S.EXCEPTED)
        for h in (H.RETRY_REQUESTED, H.EXCEPTION_PROPOSED, H.EXCEPTION_APPROVED)
    ),
)

TaskRow = TaskStep | TaskIgnore | TaskReject


@cache
def task_rows() -> Mapping[tuple[TaskStatus, Happening], TaskRow]:
    rows: tuple[Any, ...] = (*TASK_STEPS, *TASK_IGNORED, *TASK_REJECTED)
    return {(row.status, row.happening): row for row in rows}
