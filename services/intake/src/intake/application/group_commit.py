"""Group commit: many callers share one transaction, and each hears only after it is committed.

A commit costs the same for one row or two hundred, most of it waiting for the disk. While commits are under way new
work gathers; in quiet times a single request goes at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """`commit` stores a group in one transaction and gives a result per item, in order, or raises for all.

    `spacing_s`: groups begin at least this far apart unless one is full, so that they are worth their transaction.
    `lanes`: transactions under way at once. `is_transient`: after such an error nothing is tried again here; after
    any other the group is halved, until the item at fault stands alone and spoils nobody else's.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        is_transient: Callable[[BaseException], bool],
        largest: int = 256,
        spacing_s: float = 0.005,
        lanes: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._commit = commit
        self._is_transient = is_transient
        self._largest = largest
        self._spacing_s = spacing_s
        self._lanes = asyncio.Semaphore(lanes)
        self._clock = clock
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def submit(self, item: T) -> R:
        """Wait until `item` is committed. Raises what `commit` raised for it."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        if len(self._waiting) >= self._largest:
            self._full.set()
        return await future

    async def run(self) -> None:
        """Background part: runs until cancelled."""
        began = self._clock() - self._spacing_s
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._arrived.wait()
                    await self._lanes.acquire()
                    await self._gather(began + self._spacing_s - self._clock())
                    batch = self._take()
                    if not batch:
                        self._lanes.release()
                        continue
                    began = self._clock()
                    group.create_task(self._settle(batch))
        finally:  # nobody is left waiting for ever
            for _, future in self._waiting:
                future.cancel()

    async def _gather(self, wait_s: float) -> None:
        if wait_s <= 0 or len(self._waiting) >= self._largest:
            return
        self._full.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._full.wait()
        except TimeoutError:
            return

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        """The next group, without those whose caller has gone away."""
        batch: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._largest:
            entry = self._waiting.popleft()
            if not entry[1].done():
                batch.append(entry)
        if not self._waiting:
            self._arrived.clear()
        return batch

    async def _settle(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            await self._commit_or_halve(batch)
        finally:
            self._lanes.release()
            for _, future in batch:  # only if this was cancelled
                if not future.done():
                    future.cancel()

    async def _commit_or_halve(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._commit([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is handed to whom it concerns
            if len(batch) == 1 or self._is_transient(error):
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                return
            middle = len(batch) // 2
            await self._commit_or_halve(batch[:middle])
            await self._commit_or_halve(batch[middle:])
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
