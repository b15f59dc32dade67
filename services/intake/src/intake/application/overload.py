"""The gate before anything is accepted, and what tells it how long transactions take."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from intake.domain.errors import Overloaded
from intake.domain.overload import Limits, Load, refusal_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from intake.application.ports import Desk, Meters, Work

_REMEMBERED_S = 1.0
"""How long a slow transaction counts after its end. Then requests are let in again and show whether it still is."""


class TimedDesk:
    """Opens the transactions of `desk`, and knows how long they take: a database that hangs shows before it answers."""

    def __init__(self, desk: Desk, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._clock = clock
        self._under_way: dict[int, float] = {}
        self._ended: deque[tuple[float, float]] = deque()
        self._number = 0

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        self._number += 1
        number, began = self._number, self._clock()
        self._under_way[number] = began
        try:
            async with self._desk.work() as work:
                yield work
        finally:
            del self._under_way[number]
            now = self._clock()
            self._ended.append((now, now - began))

    @property
    def slowest_s(self) -> float:
        """Seconds of the slowest transaction that is under way or ended lately; 0 if there is none."""
        now = self._clock()
        while self._ended and self._ended[0][0] < now - _REMEMBERED_S:
            self._ended.popleft()
        slowest = max((took for _, took in self._ended), default=0.0)
        return max(slowest, now - min(self._under_way.values(), default=now))


class Gate:
    """Looks at the load every `every_s` and refuses requests while a bound is passed."""

    def __init__(
        self, measure: Callable[[], Load], meters: Meters, limits: Limits | None = None, *, every_s: float = 0.25
    ) -> None:
        self._measure = measure
        self._meters = meters
        self._limits = limits or Limits()
        self._every_s = every_s
        self._refusal: Overloaded | None = None

    def admit(self, waiting: int) -> None:
        """Raises Overloaded."""
        refusal = self._refusal
        if refusal is None and waiting >= self._limits.waiting:
            refusal = refusal_of(Load(), waiting, self._limits)
        if refusal is not None:
            self._meters.refused(refusal.reason)
            raise Overloaded(refusal.reason, refusal.retry_after)

    async def watch(self) -> None:
        """Background part: runs until cancelled."""
        while True:
            load = self._measure()
            self._refusal = refusal_of(load, 0, self._limits)
            self._meters.gate(None if self._refusal is None else self._refusal.reason, load)
            await asyncio.sleep(self._every_s)
