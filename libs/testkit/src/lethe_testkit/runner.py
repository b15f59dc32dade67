"""A worker service in small, around the queue and the runners: what its processors do is given by the test."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from lethe_events.ids import task_id, uuid7
from lethe_events.models import TaskRequested
from lethe_events.words import Outcome, Right, Verb
from lethe_processors.connector import Answer
from lethe_processors.runner import Crew, JobQueue, Limits, RunnerMetrics, Runners

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from uuid import UUID

    from lethe_postgres import Database, Tx
    from lethe_processors.runner import Settled

DONE = Answer(Outcome.DONE)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
FAST = Limits(first_backoff=0.02, max_backoff=0.05, call_timeout=5)


def new_id() -> UUID:
    return uuid7(datetime.now(UTC), secrets.token_bytes(10))


def task(
    processor: str = "shop", *, verb: Verb = Verb.ERASE, due: int = 0, attempt: int = 1, dsr: UUID | None = None
) -> TaskRequested:
    dsr = dsr or new_id()
    return TaskRequested(
        task_id=task_id(dsr, processor, verb.value, 1),
        dsr_id=dsr,
        subject_ref=dsr,
        controller_id="acme",
        processor_id=processor,
        right=Right.ERASURE,
        verb=verb,
        attempt=attempt,
        register_version="0" * 64,
        due_at=NOW + timedelta(seconds=due),
    )


class SmallWorker:
    """What a worker service brings: what the processors do, and where the acks go."""

    def __init__(self, database: Database, *, limits: dict[str, Limits] | None = None, **crew: object) -> None:
        self.database = database
        self.instance = new_id()
        self.queue = JobQueue(database, instance_id=self.instance)
        self.calls: list[tuple[str, Verb, list[UUID]]] = []
        self.acks: list[tuple[TaskRequested, Answer]] = []
        self.processors: dict[str, Callable[[Sequence[TaskRequested]], Awaitable[Sequence[Answer]]]] = {}
        self.limits = defaultdict(lambda: FAST, limits or {})
        self.dead: set[UUID] = set()
        self.registry = CollectorRegistry()
        self.crew = Crew(self.queue, self.work, self.settle, RunnerMetrics(self.registry), **crew)  # type: ignore[arg-type]
        self.runners = Runners(self.crew, limits=lambda: self.limits, dead_instances=self._dead_instances)

    async def _dead_instances(self) -> set[UUID]:
        return self.dead

    async def work(self, processor_id: str, verb: Verb, tasks: Sequence[TaskRequested]) -> Sequence[Answer]:
        self.calls.append((processor_id, verb, [t.task_id for t in tasks]))
        if processor_id in self.processors:
            return await self.processors[processor_id](tasks)
        return [DONE] * len(tasks)

    async def settle(self, write: Callable[[Tx], Awaitable[Sequence[Settled]]]) -> None:
        async with self.database.transaction() as tx:
            settled = await write(tx)
        self.acks.extend((s.task, s.answer) for s in settled)

    async def accept(self, *tasks: TaskRequested) -> list[tuple[TaskRequested, Answer]]:
        async with self.database.transaction() as tx:
            return [(s.task, s.answer) for s in await self.queue.accept(tx, tasks)]

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - a condition over several things
                await asyncio.sleep(0.005)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.runners.run())
            try:
                yield
            finally:
                self.runners.stop()

    def result(self, processor: str, result: str) -> float:
        labels = {"processor": processor, "result": result}
        return self.registry.get_sample_value("dsr_task_attempts_total", labels) or 0
