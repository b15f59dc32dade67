"""Crash recovery as a pure function: from what is stored alone, what must be outstanding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import SagaState, Verb
from orchestrator.domain.decision import AskProcessor
from orchestrator.domain.draft import parts_of
from orchestrator.domain.holding import broken
from orchestrator.domain.words import TaskStatus

if TYPE_CHECKING:
    from orchestrator.domain.saga import Saga


def resume(saga: Saga) -> tuple[AskProcessor, ...]:
    """Every question that was asked and has no answer, but for erasures under a legal hold.

    Asking again is safe: the messages have the same ids.
    """
    if saga.state is SagaState.CLOSED:
        return ()
    return tuple(
        AskProcessor(t, parts_of(saga.tasks.values()) if t.verb is Verb.PACKAGE else ())
        for t in saga.tasks.values()
        if t.status is TaskStatus.ISSUED and not broken(saga.beside, t)
    )
