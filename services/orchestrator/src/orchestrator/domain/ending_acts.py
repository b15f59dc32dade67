"""How a request ends before it is carried out: nothing new is asked, and what was asked is waited for and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_events.words import Result
from orchestrator.domain.beside import Beside, Ending
from orchestrator.domain.clock import ALERTS
from orchestrator.domain.courses import restricted
from orchestrator.domain.decided import TakenBack
from orchestrator.domain.decision import Ignored, Rejected, Verdictless
from orchestrator.domain.words import Code, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.draft import Draft
    from orchestrator.domain.events import AckOverdue, TaskAcked, Withdrawn
    from orchestrator.domain.saga import Task

_ASKED = frozenset({TaskStatus.ISSUED, TaskStatus.INCIDENT})
_FINAL = frozenset({TaskStatus.DONE, TaskStatus.EXCEPTED, TaskStatus.CANCELLED, TaskStatus.NOT_CONCERNED})


def in_flight(task: Task) -> bool:
    """Asked and not answered: whoever was asked may still do it."""
    return task.status in _ASKED and task.attempt > task.answered


def answers_owed(tasks: Iterable[Task]) -> bool:
    return any(in_flight(task) for task in tasks)


def withdraw(draft: Draft, event: Withdrawn) -> Verdictless:
    """The person takes the request back: there is no longer a reason to process for it, nor a clock."""
    if event.controller_id != draft.saga.controller_id:
        return Rejected("wrong_controller", "the withdrawal names another controller than the saga's")
    if draft.saga.beside is not None and any(map(restricted, draft.tasks.values())):
        return _take_back(draft, event)
    end(draft, Ending(Result.WITHDRAWN, event.at, event.said_at, event.by))
    return None


def _take_back(draft: Draft, event: Withdrawn) -> Verdictless:
    """Ending now would leave data restricted for ever: what is left of the request is its lifting (Art. 18(3))."""
    beside = draft.saga.beside
    assert beside is not None, "what was asked for is in it"
    if beside.taken_back is not None or beside.lifting is not None:
        return Ignored("it was taken back already, or is being lifted")
    taken_back = TakenBack(event.at, event.said_at, event.by)
    draft.fields["beside"] = replace(beside, taken_back=taken_back, deciding=None)
    draft.alert(Code.LIFT_WANTED)
    draft.tell = True
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
