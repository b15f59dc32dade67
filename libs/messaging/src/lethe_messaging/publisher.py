"""The one publisher of a process: takes what was committed, in order, and sends it together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple, ParamSpec

from lethe_postgres import crashpoint, is_transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from lethe_events import Record
    from lethe_messaging.metrics import Metrics
    from lethe_messaging.outbox import Chunk, Outbox
    from lethe_messaging.producer import Producer
    from lethe_messaging.settings import Tuning

log = logging.getLogger(__name__)

P = ParamSpec("P")

_DELETE_EVERY = 0.2  # seconds; what is deleted later is published twice after a crash, nothing worse
_LITTLE = 200  # records; below this it pays to wait a moment for company
_GIVE_UP_AFTER = 3  # attempts with a reachable broker before a chunk is left to the relay
_PAUSE = 0.5


class _Offered(NamedTuple):
    chunk: Chunk
    since: float
    after_relay: bool


class Publisher:
    """Coalesces the chunks of all units of work of the process into rounds, one round in flight.

    Many concurrent sends collapse under load; one round after another adapts by itself, since more is waiting when
    the broker is slow. Order per key is the order of `offer`, except for a chunk that the broker refuses, which is
    left to the relay so that it does not hold up the rest.
    """

    def __init__(self, producer: Producer, outbox: Outbox, tuning: Tuning, metrics: Metrics) -> None:
        self._producer = producer
        self._outbox = outbox
        self._tuning = tuning
        self._metrics = metrics
        self._queue: deque[_Offered] = deque()
        self._records = 0
        self._published: set[int] = set()
        self._held: set[int] = set()
        self._round_since: float | None = None
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._published_some = asyncio.Event()
        self._overflowing = False
        self._after_overflow = False

    @property
    def held(self) -> frozenset[int]:
        """Rows that this process is about to publish or delete; the relay leaves them alone."""
        return frozenset(self._held)

    @property
    def waiting(self) -> int:
        """Records offered and not yet acknowledged."""
        return self._records

    @property
    def crowded(self) -> bool:
        """A quarter of what may wait here does."""
        return self._records >= self._tuning.in_flight // 4

    @property
    def stalled(self) -> float:
        """Seconds for which the round under way has not been acknowledged; 0 if none is."""
        return 0.0 if self._round_since is None else time.monotonic() - self._round_since

    def leaves_to_relay(self) -> bool:
        """Decide for one chunk, before it is written: too much waits here already, the relay is to publish it."""
        if self._records >= self._tuning.in_flight:
            self._overflowing = True
        elif self._overflowing and self._records < self._tuning.in_flight // 2:
            self._overflowing = False
            self._after_overflow = True
        return self._overflowing

    def offer(self, chunk: Chunk) -> None:
        """Publish a committed chunk. Returns at once; order of calls is order of publishing."""
        self._queue.append(_Offered(chunk, time.monotonic(), self._after_overflow))
        self._after_overflow = False
        self._held.add(chunk.id)
        self._empty.clear()
        self._records += len(chunk.records)
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._delete_published())
            while True:
                await self._wake.wait()
                if self._records < _LITTLE:
                    await asyncio.sleep(self._tuning.linger)
                self._wake.clear()
                while self._queue:
                    if self._queue[0].after_relay:
                        await self._let_relay_catch_up(self._queue[0].chunk)
                    await self._publish_round(self._take())

    async def drain(self, seconds: float) -> bool:
        """Wait until everything offered is published and deleted; False if that took longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _take(self) -> list[_Offered]:
        taken: list[_Offered] = []
        size = 0
        while self._queue:
            following = self._queue[0]
            if taken and (following.after_relay or size + len(following.chunk.records) > self._tuning.round):
                break
            taken.append(self._queue.popleft())
            size += len(following.chunk.records)
        return taken

    async def _let_relay_catch_up(self, next_: Chunk) -> None:
        """What was left to the relay is older than `next_`: for the order per key, it goes first."""
        deadline = time.monotonic() + self._tuning.relay_after
        while time.monotonic() < deadline:
            try:
                if not await self._outbox.relay_is_behind(next_):
                    return
            except Exception as error:
                if not is_transient(error):
                    raise
            await asyncio.sleep(self._tuning.tick)

    async def _publish_round(self, offered: Sequence[_Offered]) -> None:
        """Publish until each chunk is acknowledged or left to the relay."""
        left = offered
        attempt = 0
        self._round_since = time.monotonic()
        while left:
            attempt += 1
            left = await self._publish_once(left)
            if left and self._producer.unreachable:
                attempt = 0  # nobody is there: the chunks are not at fault
            if attempt >= _GIVE_UP_AFTER:
                await self._leave(left)
                left = ()
            if left:
                await asyncio.sleep(_PAUSE)
        self._round_since = None

    async def _publish_once(self, offered: Sequence[_Offered]) -> list[_Offered]:
        """One attempt; returns what is to be tried again, each with the records it still lacks."""
        records = [record for each in offered for record in each.chunk.records]
        outcome = await self._producer.publish(records)
        crashpoint("publish.after")
        missing = {*outcome.failed, *outcome.refused}
        refused = set(outcome.refused)
        again: list[_Offered] = []
        hopeless: list[_Offered] = []
        now = time.monotonic()
        start = 0
        for each in offered:
            span = range(start, start + len(each.chunk.records))
            start = span.stop
            keep = [records[n] for n in span if n in missing] if missing else []
            self._records -= len(span) - len(keep)
            if not keep:
                self._published.add(each.chunk.id)
                self._metrics.publish_seconds.observe(now - each.since)
                continue
            rest = each._replace(chunk=each.chunk._replace(records=keep))
            (hopeless if refused.intersection(span) else again).append(rest)
        self._count(records, missing)
        self._published_some.set()
        await self._leave(hopeless)
        return again

    def _count(self, records: Sequence[Record], missing: Collection[int]) -> None:
        topics = Counter([r.topic for n, r in enumerate(records) if n not in missing])
        for topic, count in topics.items():
            self._metrics.published.labels(topic).inc(count)

    async def _leave(self, offered: Sequence[_Offered]) -> None:
        for each in offered:
            await insist(self._outbox.leave_to_relay, each.chunk, 1.0)
            self._records -= len(each.chunk.records)
            self._let_go({each.chunk.id})

    async def _delete_published(self) -> None:
        while True:
            await self._published_some.wait()
            await asyncio.sleep(_DELETE_EVERY)
            self._published_some.clear()
            ids, self._published = self._published, set()
            if ids:
                await insist(self._outbox.delete, ids)
                crashpoint("publish.deleted")
                self._let_go(ids)

    def _let_go(self, ids: Collection[int]) -> None:
        self._held.difference_update(ids)
        if not self._held:
            self._empty.set()


async def insist(call: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Do an idempotent thing to the database until it is done, over any outage of it."""
    while True:
        try:
            return await call(*args, **kwargs)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("the database is away", extra={"error": type(error).__name__})
            await asyncio.sleep(_PAUSE)
