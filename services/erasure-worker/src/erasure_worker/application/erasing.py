"""Asks a processor to change a batch, so that neither a crash nor two requests of one person falsify what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from erasure_worker.domain.decisions import collided, had_no_effect, judge, waves
from lethe_events.models import Failure
from lethe_events.words import FailureKind, Outcome, Verb
from lethe_postgres import crashpoint
from lethe_processors.connector import Answer, Changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from erasure_worker.application.ports import Ledger
    from erasure_worker.application.turns import Turns
    from lethe_processors.connector import Connector, WorkItem
    from lethe_processors.register import Processor


_AT_ONCE = 3
"""Times that a collision is asked again before it waits like any other transient failure."""


class Erasing:
    """The ask is on record before it is made; what was answered is on record in the transaction that sends the ack."""

    def __init__(self, ledger: Ledger, turns: Turns, *, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._turns = turns
        self._clock = clock

    async def __call__(self, processor: Processor, connector: Connector, items: Sequence[WorkItem], /) -> list[Answer]:
        """One answer per item, same order; each may be told on as it is."""
        answers: dict[int, Answer] = {}
        for wave in waves(items):
            together = [items[position] for position in wave]
            answers.update(zip(wave, await self._ask(processor, connector, together), strict=True))
        return [answers[position] for position in range(len(items))]

    async def _ask(self, processor: Processor, connector: Connector, items: Sequence[WorkItem]) -> list[Answer]:
        asked_before = await self._ledger.intend(items)
        crashpoint("erasure.intended")
        answers = await self._erase(processor.id, connector, items)
        crashpoint("erasure.erased")
        in_vain = [
            item.task.task_id
            for item, answer in zip(items, answers, strict=True)
            if had_no_effect(answer) and item.task.task_id not in asked_before
        ]
        if in_vain:
            await self._ledger.take_back(in_vain)
        now, lag = self._clock(), processor.capabilities.deletion_lag or None
        return [
            judge(answer, first_asked_at=asked_before.get(item.task.task_id), now=now, lag=lag)
            for item, answer in zip(items, answers, strict=True)
        ]

    async def _erase(self, processor_id: str, connector: Connector, items: Sequence[WorkItem]) -> list[Answer]:
        """The connector's answers. Those that only collided with another batch are asked for again, a few times."""
        async with self._turns.turn(processor_id):
            answers = await _change(connector, items)
        for _ in range(_AT_ONCE):
            again = [position for position, answer in enumerate(answers) if collided(answer)]
            if not again:
                break
            self._turns.collided(processor_id)
            async with self._turns.turn(processor_id):
                more = await _change(connector, [items[position] for position in again])
            for position, answer in zip(again, more, strict=True):
                answers[position] = answer
        return answers


async def _change(connector: Connector, items: Sequence[WorkItem]) -> list[Answer]:
    """The items of a batch have one verb. What a connector cannot do, a person has to see to."""
    verb = items[0].task.verb
    if verb is Verb.ERASE:
        return await connector.erase(items)
    if isinstance(connector, Changes):
        return await connector.change(verb, items)
    failure = Failure(kind=FailureKind.PERMANENT, code="verb_not_supported")
    return [Answer(Outcome.NEEDS_PERSON, failure=failure)] * len(items)
