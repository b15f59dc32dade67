"""Vendors that call back: which tasks wait for which jobs, and what becomes of them when the call comes.

The call may come twice, late, or before its job is on record here; in every order a task is answered once. What it says
takes the place of the promise in the task's row and is acknowledged; whether it is true, verify looks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lethe_events import models
from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Count, Evidence, TaskRequested
from lethe_events.words import Grade, Outcome
from lethe_postgres import load_queries
from lethe_processors.connector import Answer
from lethe_processors.http.erasing import ended_otherwise, together
from lethe_processors.http.steps import JobState
from lethe_processors.runner.answers import Settled, is_final, to_json
from lethe_processors.worker.acks import CALLED_BACK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    import asyncpg

    from lethe_postgres import Tx
    from lethe_processors.http.callback import Called


class Callbacks:
    """`counts`: what to say was done at a processor when so many jobs of one task are done."""

    def __init__(self, counts: Callable[[str, int], Sequence[Count]]) -> None:
        self._counts = counts
        self._sql = load_queries("lethe_processors.runner", "callbacks.sql")

    async def promised(self, tx: Tx, settled: Sequence[Settled]) -> list[Settled]:
        """Remember of which jobs a call will come; gives the tasks for which it has come already."""
        rows = [(s.task, reference) for s in settled for reference in s.answer.awaits]
        if not rows:
            return []
        processors, references = [task.processor_id for task, _ in rows], [reference for _, reference in rows]
        tasks, texts = [task.task_id for task, _ in rows], [models.to_json(task).decode() for task, _ in rows]
        await tx.fetch(self._sql["one_at_a_time"], processors, references)
        await tx.execute(self._sql["promise"], processors, references, tasks, texts)
        return await self._completed(tx, tasks)

    async def called(self, tx: Tx, processor_id: str, called: Called) -> list[Settled]:
        """Take a believed call, in the transaction that sends what follows. Safe to repeat; the first word counts."""
        if called.state is JobState.RUNNING:
            return []
        await tx.fetch(self._sql["one_at_a_time"], [processor_id], [called.reference])
        await tx.fetch(self._sql["called"], processor_id, called.reference, called.state.value)
        waiting = await tx.fetch(self._sql["waiting_for"], processor_id, called.reference)
        return await self._completed(tx, [row["task_id"] for row in waiting])

    async def _completed(self, tx: Tx, task_ids: Sequence[UUID]) -> list[Settled]:
        if not task_ids:
            return []
        rows = await tx.fetch(self._sql["complete"], list(task_ids))
        ended = [(models.read(TaskRequested, row["task"].encode()), self._answer(row)) for row in rows]
        if not ended:
            return []
        answered = await tx.fetch(
            self._sql["answer"],
            [task.task_id for task, _ in ended],
            [is_final(task.verb, answer) for task, answer in ended],
            [to_json(answer) for _, answer in ended],
        )
        await tx.execute(self._sql["forget_waiting"], [task.task_id for task, _ in ended])
        at = {row["task_id"]: row["settled_at"] for row in answered}
        return [Settled(task, answer, at[task.task_id]) for task, answer in ended if task.task_id in at]

    def _answer(self, row: asyncpg.Record) -> Answer:
        """Attested: the vendor says so, with its signature, and nobody has looked."""
        told = {"jobs": list(row["references_"]), "said": list(row["said"]), "at": row["at"].isoformat()}
        evidence = (Evidence(kind=CALLED_BACK, sha256=sha256_hex(canonical(told))),)
        state = together([JobState(said) for said in row["said"]])
        if state is not JobState.DONE:
            return replace(ended_otherwise(state, evidence), evidence=evidence)
        task = models.read(TaskRequested, row["task"].encode())
        counts = tuple(self._counts(task.processor_id, len(row["said"])))
        return Answer(Outcome.DONE, grade=Grade.ATTESTED, counts=counts, evidence=evidence)
