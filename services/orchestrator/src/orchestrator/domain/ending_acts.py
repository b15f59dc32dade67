"""How a request ends before it is carried out: nothing new is asked, and what was asked is waited for and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_events.words import Result
from orchestrator.domain.beside import Beside, Ending
from orchestrator.domain.clock import ALERTS
from orchestrator.domain.decision import Ignored, Rejected, Verdictless
from orchestrator.domain.words import Code, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.draft import Draft
    from orchestrator.domain.events import AckOverdue, TaskAcked, Withdrawn
    from orchestrator.domain.saga import Task

_ASKED = frozenset({TaskStatus.ISSUED, TaskStatus.INCIDENT})
_FINAL = frozenset({TaskStatus.DONE, TaskStatus.EXCEPTED, TaskStatus.CANCELLED})


def in_flight(task: Task) -> bool:
    """Asked and not answered: whoever was asked may still do it."""
    return task.status in _ASKED and task.attempt > task.answered


def answers_owed(tasks: Iterable[Task]) -> bool:
    return any(in_flight(task) for task in tasks)


def withdraw(draft: Draft, event: Withdrawn) -> Verdictless:
    """The person takes the request back: there is no longer a reason to process for it, nor a clock."""
    if event.controller_id != draft.saga.controller_id:
        return Rejected("wrong_controller", "the withdrawal names another controller than the saga's")
    end(draft, Ending(Result.WITHDRAWN, event.at, event.said_at, event.by))
    return None


def end(draft: Draft, ending: Ending) -> None:
    """What was never asked, or has its answer, is called off; a promise of a vendor stands and is looked at no more."""
    draft.fields["beside"] = replace(draft.saga.beside or Beside(), ended=ending)
    draft.tell = True
    if draft.saga.answered_at is None:
        draft.fields["answered_at"] = draft.at
    draft.resolve_alerts(*ALERTS)
    for task in list(draft.tasks.values()):
        if task.status is TaskStatus.ACCEPTED:
            if task.due_at is not None:
                draft.put(task, due_at=None)
        elif task.status not in _FINAL and not in_flight(task):
            draft.put(task, status=TaskStatus.CANCELLED, due_at=None, settled_at=draft.at)


# -- the last answers


def note(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    """What was seen is recorded; nothing follows from it any more."""
    draft.put(
        task,
        status=TaskStatus.DONE,
        answered=event.ack.attempt,
        answer=event.ack,
        due_at=None,
        settled_at=draft.at,
    )
    return None


def note_promise(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    ack = event.ack
    draft.put(
        task,
        status=TaskStatus.ACCEPTED,
        answered=ack.attempt,
        answer=ack,
        due_at=None,
        expected_by=ack.expected_by,
    )
    return None


def call_off(draft: Draft, task: Task, event: TaskAcked) -> Verdictless:
    """It failed: it is not asked again."""
    draft.put(
        task,
        status=TaskStatus.CANCELLED,
        answered=event.ack.attempt,
        answer=event.ack,
        due_at=None,
        settled_at=draft.at,
    )
    return None


def miss_answer(draft: Draft, task: Task, event: AckOverdue) -> Verdictless:
    """It is not asked again, and it may have been done: a person has to find out."""
    if task.due_at is None or event.at < task.due_at:
        return Ignored("the moment was moved; the timer raced")
    draft.raise_incident(task, Code.NO_ANSWER)
    return None
