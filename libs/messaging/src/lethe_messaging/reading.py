"""Reading: keeps one client on the owned partitions and hands what arrives to their cursors."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from lethe_messaging.guard import CLIENT_ERRORS
from lethe_messaging.pace import Pace
from lethe_messaging.reader import Reader, Unavailable
from lethe_postgres import crashpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from lethe_messaging.metrics import Metrics
    from lethe_messaging.ownership import Ownership
    from lethe_messaging.reader import Place
    from lethe_messaging.settings import KafkaSettings, Tuning

log = logging.getLogger(__name__)

_POLL = 0.05  # seconds; a change of slots waits for this long at most
_PAUSE = 0.2
_GATHER = (0.02, 0.2)  # seconds for which records may wait at the broker
_OPEN_PATIENCE = 30.0  # seconds; a client that hangs while it connects is thrown away


class Reading:
    """One task that alone uses the client to assign, seek and poll, so that these never interleave."""

    def __init__(
        self,
        settings: KafkaSettings,
        ownership: Ownership,
        tuning: Tuning,
        metrics: Metrics,
        stopping: asyncio.Event,
    ) -> None:
        self.trouble: str | None = "not connected yet"
        self.reader: Reader | None = None
        self.waiting_since: dict[Place, float] = {}
        """Per partition being read: monotonic time since when nothing has arrived."""
        self._settings = settings
        self._ownership = ownership
        self._tuning = tuning
        self._metrics = metrics
        self._stopping = stopping
        self._stale = True
        self._renew: str | None = None
        self._paused: set[Place] = set()

    def renew(self, reason: str) -> None:
        """Throw the client away and make another."""
        self._renew = reason

    def reassign(self) -> None:
        """Read only what is not stopped, from the next poll on."""
        self._stale = True

    def is_paused(self, place: Place) -> bool:
        return place in self._paused

    async def run(self) -> None:
        """Read until stopping, over any outage of the brokers."""
        while not self._stopping.is_set():
            reader = Reader(self._settings, min(max(self._tuning.window, _GATHER[0]), _GATHER[1]))
            try:
                async with asyncio.timeout(_OPEN_PATIENCE):
                    await reader.open()
                self.trouble, self._renew, self._stale = None, None, True
                self.waiting_since = {}
                self.reader = reader
                await self._read_with(reader)
            except CLIENT_ERRORS as error:
                self.trouble = type(error).__name__
                await asyncio.sleep(_PAUSE)
            finally:
                self.reader = None
                await reader.close()
            if self._renew is not None:
                self._metrics.restarts.labels(self._renew).inc()
                log.warning("the consumer is made anew", extra={"reason": self._renew})

    async def _read_with(self, reader: Reader) -> None:
        version, pace = -1, Pace()
        while not self._stopping.is_set() and self._renew is None:
            if self._stale or version != self._ownership.version:
                self._stale, version = False, self._ownership.version
                self._assign(reader)
            if not self.waiting_since:
                await asyncio.sleep(_POLL)
                continue
            try:
                arrived = await reader.poll(_POLL)
            except Unavailable as error:
                self._stop_places(error)
            except CLIENT_ERRORS as error:
                log.warning("reading failed", extra={"error": type(error).__name__})
                self._stale = True
                await asyncio.sleep(_PAUSE)
            except Exception as error:  # noqa: BLE001 - a record that breaks the parser of the client
                log.warning("reading failed in the client", extra={"error": type(error).__name__})
                self._stop_places(await reader.unreadable())
            else:
                reader.expect(many=pace.many(time.monotonic(), arrived=bool(arrived)))
                if arrived:
                    crashpoint("poll.after")
                    self._feed(reader, arrived)
                self._throttle(reader)
                if 0 < sum(len(records) for records, _ in arrived.values()) < self._tuning.window_below:
                    # a fetch costs the same however little it brings
                    await asyncio.sleep(self._tuning.window / 2)

    def _assign(self, reader: Reader) -> None:
        now = time.monotonic()
        positions = {
            (c.topic, c.partition): c.fetched
            for slot, c in self._ownership.cursors()
            if c.stopped is None and slot.ending is None
        }
        reader.assign(positions)
        self._paused.clear()
        self.waiting_since = dict.fromkeys(positions, now)

    def _feed(self, reader: Reader, arrived: Mapping[Place, tuple[Sequence[Any], int]]) -> None:
        now = time.monotonic()
        for slot, cursor in self._ownership.cursors():
            place = (cursor.topic, cursor.partition)
            if place not in arrived or slot.ending is not None:
                continue
            records, position = arrived[place]
            self.waiting_since[place] = now
            if cursor.feed(records, position, now):
                slot.wake()
            else:
                log.warning("a gap in what was read: asking again", extra={"topic": place[0], "partition": place[1]})
                reader.seek(place, cursor.fetched)

    def _throttle(self, reader: Reader) -> None:
        """Kafka keeps the backlog, not this process."""
        for _, cursor in self._ownership.cursors():
            place = (cursor.topic, cursor.partition)
            if place not in self.waiting_since:
                continue
            if cursor.full and place not in self._paused:
                reader.pause(place)
                self._paused.add(place)
            elif cursor.hungry and place in self._paused:
                reader.resume(place)
                self._paused.discard(place)
                self.waiting_since[place] = time.monotonic()

    def _stop_places(self, cause: Unavailable) -> None:
        """Going on by itself would leave messages out: these partitions wait for a person, the others go on."""
        for _, cursor in self._ownership.cursors():
            if (cursor.topic, cursor.partition) in cause.places:
                cursor.stop(cause.reason)
                log.error(
                    "a partition is stopped: find out what is lost, then `lethe parked skip` or `lethe parked offset`",
                    extra={
                        "reason": cause.reason,
                        "topic": cursor.topic,
                        "partition": cursor.partition,
                        "offset": cursor.next_offset,
                    },
                )
        self._stale = True
