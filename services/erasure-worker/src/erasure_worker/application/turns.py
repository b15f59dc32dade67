"""Lets batches of one processor go side by side until they collide, then one at a time for a while."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ALONE_FOR = 60.0
"""Seconds. A database finds a deadlock only after a second or so, and all that time both batches stand still; people
who share rows (a household, a company) will go on colliding."""


class Turns:
    """Per process; batches of other instances still collide now and then. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._alone_until: dict[str, float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def turn(self, processor_id: str) -> AsyncIterator[None]:
        if self._clock() >= self._alone_until.get(processor_id, 0.0):
            yield
            return
        async with self._locks[processor_id]:
            yield

    def collided(self, processor_id: str) -> None:
        self._alone_until[processor_id] = self._clock() + ALONE_FOR
