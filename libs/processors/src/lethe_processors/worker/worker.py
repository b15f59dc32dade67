"""Queue, desk and runners of one worker, put together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic

from lethe_processors.runner import Crew, JobQueue, RunnerMetrics, Runners
from lethe_processors.worker.desk import Desk, M

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from lethe_postgres import Database, Tx
    from lethe_processors.runner import Limits, Settled, Work
    from lethe_processors.worker.desk import UnitOfWork


class Worker(Generic[M]):
    """Takes tasks (`desk.accept` is the handler of their topic), works them off, acknowledges them.

    `work` does the tasks; `unit_of_work` opens a transaction of the bus; `source` names the service in its messages;
    `register_version` and `limits` are asked again and again, so that a changed register needs no restart.
    """

    def __init__(
        self,
        database: Database,
        work: Work,
        *,
        instance_id: UUID,
        unit_of_work: Callable[[], AbstractAsyncContextManager[UnitOfWork[M]]],
        dead_instances: Callable[[], Awaitable[Collection[UUID]]],
        limits: Callable[[], Mapping[str, Limits]],
        register_version: Callable[[], str],
        source: str,
        on_settled: Callable[[Tx, Sequence[Settled]], Awaitable[None]] | None = None,
        promised: Callable[[Tx, Sequence[Settled]], Awaitable[Sequence[Settled]]] | None = None,
    ) -> None:
        self.queue = JobQueue(database, instance_id=instance_id)
        self.desk: Desk[M] = Desk(
            self.queue,
            unit_of_work,
            register_version=register_version,
            source=source,
            on_settled=on_settled,
            promised=promised,
        )
        crew = Crew(self.queue, work, self.desk.settle, RunnerMetrics())
        self._runners = Runners(crew, limits=limits, dead_instances=dead_instances)
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Work tasks off until `end`."""
        try:
            await self._runners.run()
        finally:
            self._ended.set()

    async def end(self) -> None:
        """Take nothing more up and wait until the calls in flight are settled."""
        self._runners.stop()
        await self._ended.wait()
