"""What others have to know of an erasure beyond its saga: where it was verified, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lethe_events as wire
from lethe_events.words import Outcome, Right, SagaState, Verb

if TYPE_CHECKING:
    from orchestrator.domain.saga import Saga

_TOLD = frozenset({SagaState.ANSWERED, SagaState.CLOSED})


def absences(saga: Saga) -> tuple[wire.Absent, ...]:
    """Per processor the last look that found nothing, once the saga is answered; none for other rights."""
    if saga.right is not Right.ERASURE or saga.state not in _TOLD:
        return ()
    erased = {
        task.processor_id
        for task in saga.tasks.values()
        if task.verb is Verb.ERASE and task.answer is not None and task.answer.outcome is not Outcome.NOTHING_FOUND
    }
    found: dict[str, wire.Absent] = {}
    for task in saga.tasks.values():
        answer = task.answer
        if task.verb is Verb.VERIFY and task.good and answer is not None and answer.outcome is Outcome.NOTHING_FOUND:
            before = found.get(task.processor_id)
            if before is None or before.at < answer.at:
                is_erased = task.processor_id in erased
                found[task.processor_id] = wire.Absent(processor_id=task.processor_id, at=answer.at, erased=is_erased)
    return tuple(found.values())
