"""One owned slot: partition n of every topic, worked by one task, so that a saga has one writer."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

import asyncpg

from lethe_messaging.errors import Fenced
from lethe_messaging.handling import Stored, describe
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lethe_messaging.cursor import Batch, Cursor
    from lethe_messaging.handling import Handling
    from lethe_messaging.metrics import Metrics
    from lethe_messaging.settings import Tuning

log = logging.getLogger(__name__)

_SAME_BATCH = 2  # times that a batch which took too long is tried in its full size
_TOO_SLOW = (TimeoutError, asyncpg.QueryCanceledError, asyncpg.IdleInTransactionSessionTimeoutError)
_CROWDED = 0.01  # seconds
_IDLE = 1.0  # seconds; everything that matters wakes the worker


class Slot:
    """What a slot is: its epoch, its cursors, and whether it goes on."""

    def __init__(self, number: int, epoch: int, cursors: Sequence[Cursor], claimed_at: float) -> None:
        self.number = number
        self.epoch = epoch
        self.cursors = tuple(cursors)
        self.claimed_at = claimed_at
        self.ending: str | None = None
        self.done = False
        self._wake = asyncio.Event()

    def end(self, reason: str) -> None:
        """Finish the batch under way and stop. Idempotent; the first reason stays."""
        self.ending = self.ending or reason
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    async def wait(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass


class Worker:
    """Works one slot: batches in turn over its topics, retries, and corners the message at fault."""

    def __init__(
        self, slot: Slot, handling: Handling, tuning: Tuning, metrics: Metrics, on_done: Callable[[], None]
    ) -> None:
        self._slot = slot
        self._handling = handling
        self._tuning = tuning
        self._metrics = metrics
        self._on_done = on_done
        self._turn = 0

    async def run(self) -> None:
        """Until the slot ends. Sets `slot.done` last of all, and only then may the lease be given up."""
        slot = self._slot
        try:
            while slot.ending is None:
                if self._handling.must_wait:
                    await slot.wait(_CROWDED)
                    continue
                cursor, pause = self._next(time.monotonic())
                if cursor is None:
                    await slot.wait(pause)
                else:
                    await self._step(cursor)
        finally:
            slot.done = True
            self._on_done()

    def _next(self, now: float) -> tuple[Cursor | None, float]:
        """The cursor whose turn it is, or how long there is nothing to do."""
        cursors = self._slot.cursors
        soonest = now + _IDLE
        for n in range(len(cursors)):
            cursor = cursors[(self._turn + n) % len(cursors)]
            at = cursor.ready_at()
            if at is not None and at <= now:
                self._turn += n + 1
                return cursor, 0.0
            if at is not None:
                soonest = min(soonest, at)
        return None, soonest - now

    async def _step(self, cursor: Cursor) -> None:
        batch = cursor.take()
        begun = time.monotonic()
        try:
            await self._handling.handle(cursor, self._slot.epoch, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the partition must neither stop nor lose
            await self._failed(cursor, batch, error)
        else:
            self._stored(cursor, batch, time.monotonic() - begun)

    def _stored(self, cursor: Cursor, batch: Batch, took: float = 0.0) -> None:
        cursor.done(batch, time.monotonic(), took)
        self._metrics.handled.labels(cursor.topic).inc(len(batch.records))
        self._metrics.progress.set_to_current_time()

    async def _failed(self, cursor: Cursor, batch: Batch, error: Exception) -> None:
        if isinstance(error, Fenced):
            self._fenced(cursor)
            return
        transient = is_transient(error)
        self._metrics.retries.labels(cursor.topic, "transient" if transient else "other").inc()
        self._tell(cursor, batch, error)
        if transient:
            if cursor.failures >= _SAME_BATCH and isinstance(error, _TOO_SLOW):
                cursor.narrow(len(batch.records))
            await self._recover(cursor, batch)
        elif len(batch.records) > 1:
            cursor.narrow(len(batch.records))
        else:
            cursor.alone += 1
            if cursor.alone < self._tuning.attempts_alone:
                cursor.postpone(time.monotonic() + self._pause(cursor))
            else:
                await self._park(cursor, batch, error)

    async def _park(self, cursor: Cursor, batch: Batch, cause: Exception) -> None:
        try:
            await self._handling.park(cursor, self._slot.epoch, batch, cause)
        except Fenced:
            self._fenced(cursor)
        except Exception as error:  # noqa: BLE001 - tried again from the start
            self._tell(cursor, batch, error)
            await self._recover(cursor, batch)
        else:
            self._stored(cursor, batch)

    async def _recover(self, cursor: Cursor, batch: Batch) -> None:
        """Never from memory: what is stored decides whether the same batch is due again."""
        while self._slot.ending is None:
            try:
                stored = await self._handling.find_out(cursor, self._slot.epoch, batch)
            except Exception as error:  # noqa: BLE001 - asked again until the database answers
                self._tell(cursor, batch, error)
                cursor.postpone(0.0)
                await asyncio.sleep(self._pause(cursor))
                continue
            if stored is Stored.YES:
                self._stored(cursor, batch)
            elif stored is Stored.FENCED:
                self._fenced(cursor)
            else:
                cursor.postpone(time.monotonic() + self._pause(cursor))
            return

    def _fenced(self, cursor: Cursor) -> None:
        self._metrics.fenced.inc()
        log.warning("fenced: another owner, or a person, moved this partition", extra=_where(cursor))
        self._slot.end("fenced")

    def _pause(self, cursor: Cursor) -> float:
        """Seconds: doubling from `retry_first` to `retry_max`, between half and all of it at random."""
        whole = min(self._tuning.retry_max, self._tuning.retry_first * 2.0 ** min(cursor.failures, 16))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - jitter

    def _tell(self, cursor: Cursor, batch: Batch, error: Exception) -> None:
        code, detail = describe(error)
        log.warning(
            "a batch failed",
            extra={**_where(cursor), "offset": batch.start, "size": len(batch.records), "code": code, "detail": detail},
        )


def _where(cursor: Cursor) -> dict[str, object]:
    return {"topic": cursor.topic, "partition": cursor.partition}
