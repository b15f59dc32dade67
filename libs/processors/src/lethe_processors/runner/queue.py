"""The queue of work per processor, as rows in the worker's own schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from lethe_events import models
from lethe_events.models import TaskRequested
from lethe_events.words import Verb
from lethe_postgres import crashpoint, load_queries, migrate
from lethe_processors.runner.answers import Settled, from_json, is_final, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from lethe_postgres import Database, Tx
    from lethe_processors.connector import Answer

PACKAGE = "lethe_processors.runner"


class Job(NamedTuple):
    """A claimed task. `tries` counts this one; together with the owner it is the fence of the claim."""

    task: TaskRequested
    tries: int


class JobQueue:
    """One per process. `instance_id` owns the claims of this process; it is new at every start."""

    def __init__(self, database: Database, *, instance_id: UUID) -> None:
        self._database = database
        self._instance_id = instance_id
        self._sql = load_queries(PACKAGE)
        self._listeners: list[Callable[[Collection[str]], None]] = []

    async def migrate(self) -> None:
        await migrate(self._database, PACKAGE)

    def on_work(self, listener: Callable[[Collection[str]], None]) -> None:
        """Be told which processors got work, possibly a little before the transaction that brings it commits."""
        self._listeners.append(listener)

    def wake(self, processor_ids: Collection[str]) -> None:
        for listener in self._listeners:
            listener(processor_ids)

    async def accept(self, tx: Tx, tasks: Sequence[TaskRequested]) -> list[Settled]:
        """Take tasks in the caller's transaction; safe to repeat, at any later time.

        Returns the tasks that need no work because their answer is known: ack them again, with the attempt asked.
        An attempt older than the one that was answered is left alone: it had an answer of its own, or nobody waits for
        one any more.
        """
        newest: dict[UUID, TaskRequested] = {}
        for task in tasks:
            known = newest.get(task.task_id)
            if known is None or known.attempt < task.attempt:
                newest[task.task_id] = task
        if not newest:
            return []
        rows = list(newest.values())
        taken = await tx.fetch(
            self._sql["accept"],
            [t.task_id for t in rows],
            [t.attempt for t in rows],
            [t.dsr_id for t in rows],
            [t.processor_id for t in rows],
            [t.verb.value for t in rows],
            [t.due_at for t in rows],
            [models.to_json(t).decode() for t in rows],
        )
        crashpoint("job.accepted")
        new = {row["task_id"] for row in taken}
        self.wake({newest[task_id].processor_id for task_id in new})
        if len(new) == len(newest):
            return []
        answered = await tx.fetch(self._sql["answered"], [task_id for task_id in newest if task_id not in new])
        return [
            Settled(newest[row["task_id"]], from_json(row["answer"]), row["settled_at"])
            for row in answered
            if newest[row["task_id"]].attempt >= row["attempt"]
        ]

    async def claim(self, processor_id: str, size: int, lease: float) -> list[Job]:
        """Claim up to `size` jobs of one verb, those due first, for `lease` seconds; in the order they are due."""
        verbs = [v.value for v in Verb]
        rows = await self._database.fetch(self._sql["claim"], processor_id, size, self._instance_id, lease, verbs)
        jobs = [Job(models.read(TaskRequested, row["task"].encode()), row["tries"]) for row in rows]
        return sorted(jobs, key=lambda job: (job.task.due_at, job.task.task_id))

    async def settle(self, tx: Tx, answered: Sequence[tuple[Job, Answer]]) -> list[Settled]:
        """End jobs in the transaction that also sends their acks.

        Leaves out those whose claim was lost meanwhile; another instance answers them.
        """
        rows = await tx.fetch(
            self._sql["settle"],
            self._instance_id,
            [job.task.task_id for job, _ in answered],
            [job.tries for job, _ in answered],
            [is_final(job.task.verb, answer) for job, answer in answered],
            [to_json(answer) for _, answer in answered],
        )
        crashpoint("job.settled")
        ended: Mapping[UUID, tuple[int, datetime]] = {r["task_id"]: (r["attempt"], r["settled_at"]) for r in rows}
        return [
            Settled(_asked(job.task, ended[job.task.task_id][0]), answer, ended[job.task.task_id][1])
            for job, answer in answered
            if job.task.task_id in ended
        ]

    async def reschedule(self, tx: Tx, jobs: Sequence[tuple[Job, float]]) -> None:
        """Let jobs wait for a delay in seconds, then be tried again."""
        if jobs:
            ids = [job.task.task_id for job, _ in jobs]
            tries = [job.tries for job, _ in jobs]
            await tx.execute(self._sql["reschedule"], self._instance_id, ids, tries, [delay for _, delay in jobs])

    async def hasten(self, processor_id: str, below: int) -> None:
        """Try now what waits for its next try, if it was tried fewer than `below` times: the last tries stay spread."""
        await self._database.execute(self._sql["hasten"], processor_id, below)

    async def release(self, jobs: Sequence[Job]) -> None:
        """Give claims back that were not worked on."""
        ids = [job.task.task_id for job in jobs]
        await self._database.execute(self._sql["release"], self._instance_id, ids, [job.tries for job in jobs])

    async def free_lost(self, processor_id: str, in_hand: Collection[UUID]) -> None:
        """Give back own claims of a processor beside those in hand, as if they had not been made."""
        await self._database.execute(self._sql["free_lost"], self._instance_id, processor_id, list(in_hand))

    async def foreign_owners(self) -> set[UUID]:
        """Other instances that hold claims."""
        rows = await self._database.fetch(self._sql["owners"])
        return {row["owner"] for row in rows} - {self._instance_id}

    async def take_over(self, dead: Collection[UUID]) -> set[str]:
        """Free the claims of dead instances and those whose lease has ended; returns whose processors' they are."""
        rows = await self._database.fetch(self._sql["take_over"], list(dead))
        return {row["processor_id"] for row in rows}

    async def pending(self) -> dict[str, datetime]:
        """Processors with open jobs → when the oldest of them was accepted."""
        rows = await self._database.fetch(self._sql["pending"])
        return {row["processor_id"]: row["accepted_at"] for row in rows}


def _asked(task: TaskRequested, attempt: int) -> TaskRequested:
    return task if task.attempt == attempt else replace(task, attempt=attempt)
