"""What letters of sagas are made of: the head of each, where something was done, and what was not done and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lethe_events import LetterReason, LetterRequested
from lethe_events.words import PACKAGE_PROCESSOR, Outcome, Verb
from orchestrator.domain.certificate import kept
from orchestrator.domain.clock import DEFAULT_REGIME
from orchestrator.domain.closing import Verdict, heads
from orchestrator.domain.letter_acts import letter_id
from orchestrator.domain.words import TaskStatus

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.domain.saga import Saga, Task

OVER: Final = frozenset({Verdict.PROVEN, Verdict.UNVERIFIABLE})
_ACTED = frozenset({Outcome.DONE, Outcome.RETAINED})


def letter(saga: Saga, kind: str, at: datetime, number: int = 1, **more: Any) -> LetterRequested:
    return LetterRequested(
        letter_id=letter_id(saga, kind, number),
        dsr_id=saga.id,
        subject_ref=saga.subject_ref,
        controller_id=saga.controller_id,
        kind=kind,
        right=saga.right,
        country=saga.country,
        regime=str(saga.clock.derivation.get("regime", DEFAULT_REGIME)),
        received_at=saga.received_at,
        register_version=saga.register_version,
        at=at,
        **more,
    )


def packages(saga: Saga) -> int:
    """The round of the newest package that is there; 0: none."""
    return max((t.round for t in saga.tasks.values() if t.verb is Verb.PACKAGE and t.good), default=0)


def done_at(saga: Saga, verb: Verb) -> tuple[str, ...]:
    """Processors that did something, of those in scope."""
    found = []
    for processor_id, verbs in heads(saga.tasks).items():
        task = verbs.get(verb)
        if processor_id != PACKAGE_PROCESSOR and task is not None and did(task):
            found.append(processor_id)
    return tuple(sorted(found))


def did(task: Task) -> bool:
    return task.good and task.answer is not None and task.answer.outcome in _ACTED


def not_done(saga: Saga) -> tuple[LetterReason, ...]:
    """Per category where something is kept (Art. 17(3)), and per processor where two people excepted a task."""
    found = {
        (row.ground, row.article, row.category, processor_id, row.until): LetterReason(
            ground=row.ground, article=row.article, category=row.category, processor_id=processor_id, until=row.until
        )
        for processor_id, row in kept(saga)
    }
    excepted = {
        (t.exception.ground, t.processor_id): LetterReason(
            ground=t.exception.ground, article=t.exception.article, processor_id=t.processor_id
        )
        for t in saga.tasks.values()
        if t.exception is not None and t.status is TaskStatus.EXCEPTED and t.verb is not Verb.VERIFY
    }
    return (*found.values(), *excepted.values())
