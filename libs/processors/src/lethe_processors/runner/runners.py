"""All runners of one process: one per processor, woken by what is accepted, by a look every 250 ms, by a dead peer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lethe_postgres import is_transient as database_is_transient
from lethe_processors.runner.limits import Limits
from lethe_processors.runner.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from uuid import UUID

    from lethe_processors.runner.runner import Crew

_log = logging.getLogger(__name__)
_TICK = 0.25
"""Seconds between looks for work accepted by another instance, due for its next try, or held by a dead instance."""


class Runners:
    """One per process.

    `limits` tells the limits of each processor, again at every look, so that a changed register needs no restart.
    A processor with jobs but without limits (it left the register) is worked with the defaults, so that its tasks
    are answered by `work` and do not lie about. `dead_instances` tells which other instances are known to be dead;
    their claims are taken over at once, others' when their lease ends.
    """

    def __init__(
        self,
        crew: Crew,
        *,
        limits: Callable[[], Mapping[str, Limits]],
        dead_instances: Callable[[], Awaitable[Collection[UUID]]] | None = None,
    ) -> None:
        self._crew = crew
        self._limits = limits
        self._dead_instances = dead_instances
        self._runners: dict[str, Runner] = {}
        self._look = asyncio.Event()
        self._stopped = asyncio.Event()
        crew.queue.on_work(self._on_work)

    def __getitem__(self, processor_id: str) -> Runner:
        return self._runners[processor_id]

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the calls in flight are settled."""
        self._stopped.set()
        self._look.set()

    async def run(self) -> None:
        """Until `stop`. Cancelled, it drops the calls in flight; their claims are then taken over."""
        async with asyncio.TaskGroup() as group:
            while not self._stopped.is_set():
                self._look.clear()
                await self._tick(group)
                try:
                    async with asyncio.timeout(_TICK):
                        await self._look.wait()
                except TimeoutError:
                    pass
            for runner in self._runners.values():
                runner.stop()

    def _on_work(self, processor_ids: Collection[str]) -> None:
        for processor_id in processor_ids:
            runner = self._runners.get(processor_id)
            if runner is not None:
                runner.wake()
            else:
                self._look.set()

    async def _tick(self, group: asyncio.TaskGroup) -> None:
        limits = self._limits()
        try:
            await self._take_over()
            pending = await self._crew.queue.pending()
        except Exception as error:
            if not database_is_transient(error):
                raise
            _log.warning("runners_look_failed", extra={"error": type(error).__qualname__})
            return
        for processor_id in limits.keys() | pending.keys() | self._runners.keys():
            runner = self._runners.get(processor_id)
            if runner is None:
                runner = Runner(processor_id, limits.get(processor_id, Limits()), self._crew)
                self._runners[processor_id] = runner
                group.create_task(runner.run())
            runner.limits = limits.get(processor_id, runner.limits)
            oldest = pending.get(processor_id)
            if oldest is not None:
                runner.look()
            self._crew.metrics.oldest_pending.labels(processor_id).set(oldest.timestamp() if oldest else 0)

    async def _take_over(self) -> None:
        owners = await self._crew.queue.foreign_owners()
        dead: set[UUID] = set()
        if owners and self._dead_instances is not None:
            dead = owners & set(await self._dead_instances())
        freed = await self._crew.queue.take_over(dead)
        if freed:
            _log.warning("claims_taken_over", extra={"processors": sorted(freed)})
