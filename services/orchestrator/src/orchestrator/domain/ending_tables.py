"""What may happen to a task whose request has ended: every pair of status and happening is in one of three tables.

A task that was blocked or waited to be asked again is cancelled when the request ends, so neither status is here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.domain import ending_acts as end
from orchestrator.domain import task_acts as act
from orchestrator.domain.task_tables import TaskIgnore, TaskReject, TaskStep
from orchestrator.domain.words import Happening, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.domain.task_tables import TaskRow

H, S = Happening, TaskStatus
STATUSES = (S.ISSUED, S.INCIDENT, S.ACCEPTED, S.DONE, S.EXCEPTED, S.CANCELLED, S.NOT_CONCERNED)
_FAILURES = (H.TRANSIENT, H.PERMANENT, H.NEEDS_PERSON)
_ANSWERS = (H.GOOD, H.PROMISED, H.RESIDUAL, *_FAILURES)
HAPPENINGS = (*_ANSWERS, H.ACK_OVERDUE, H.EXCEPTION_PROPOSED, H.EXCEPTION_APPROVED)

_ACCOUNT = "GDPR Art. 5(2)"
_EXCEPTIONS = "GDPR Art. 17(3), 15(4); 5(2)"

ENDING_STEPS: tuple[TaskStep, ...] = (
    *(
        step
        for s in (S.ISSUED, S.INCIDENT)
        for step in (
            TaskStep(s, H.GOOD, (S.DONE,), act.settle, _ACCOUNT),
            TaskStep(s, H.PROMISED, (S.ACCEPTED,), end.note_promise, _ACCOUNT),
            TaskStep(s, H.RESIDUAL, (S.DONE,), end.note, _ACCOUNT),
            *(TaskStep(s, h, (S.CANCELLED,), end.call_off, _ACCOUNT) for h in _FAILURES),
            TaskStep(s, H.EXCEPTION_PROPOSED, (s,), act.propose, _EXCEPTIONS),
            TaskStep(s, H.EXCEPTION_APPROVED, (S.EXCEPTED,), act.approve, _EXCEPTIONS),
        )
    ),
    TaskStep(S.ISSUED, H.ACK_OVERDUE, (S.INCIDENT,), end.miss_answer, _ACCOUNT),
    TaskStep(S.ACCEPTED, H.GOOD, (S.DONE,), act.settle, _ACCOUNT),
    TaskStep(S.ACCEPTED, H.RESIDUAL, (S.DONE,), end.note, _ACCOUNT),
    TaskStep(S.DONE, H.RESIDUAL, (S.DONE,), end.note, _ACCOUNT),
    TaskStep(S.EXCEPTED, H.GOOD, (S.EXCEPTED,), act.record_although_excepted, _ACCOUNT),
)

_RACED = "the timer raced what has happened since"
_SETTLED = "already settled; an answer counts once"

ENDING_IGNORED: tuple[TaskIgnore, ...] = (
    *(TaskIgnore(s, H.ACK_OVERDUE, _RACED) for s in STATUSES if s is not S.ISSUED),
    *(TaskIgnore(S.ACCEPTED, h, "promised already; the request has ended") for h in (H.PROMISED, *_FAILURES)),
    *(TaskIgnore(S.DONE, h, _SETTLED) for h in (H.GOOD, H.PROMISED, *_FAILURES)),
    *(TaskIgnore(S.EXCEPTED, h, "excepted; nothing is owed") for h in (H.PROMISED, H.RESIDUAL, *_FAILURES)),
    *(TaskIgnore(S.CANCELLED, h, "called off; every attempt asked for has its answer") for h in _ANSWERS),
)

ENDING_REJECTED: tuple[TaskReject, ...] = (
    *(
        TaskReject(s, h, "ended", "the request has ended: only what waits for its answer can be excepted")
        for s in (S.ACCEPTED, S.DONE, S.EXCEPTED, S.CANCELLED, S.NOT_CONCERNED)
        for h in (H.EXCEPTION_PROPOSED, H.EXCEPTION_APPROVED)
    ),
    *(TaskReject(S.NOT_CONCERNED, h, "never_asked", "this task was never asked for") for h in _ANSWERS),
)


@cache
def ending_rows() -> Mapping[tuple[TaskStatus, Happening], TaskRow]:
    rows: tuple[Any, ...] = (*ENDING_STEPS, *ENDING_IGNORED, *ENDING_REJECTED)
    return {(row.status, row.happening): row for row in rows}
