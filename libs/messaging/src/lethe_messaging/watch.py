"""Watching over consumption: lag, a client that no longer reads, partitions that a person moved."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from lethe_messaging.errors import ConsumerStuck
from lethe_messaging.guard import CLIENT_ERRORS
from lethe_messaging.outbox import sql
from lethe_messaging.progress import Progress, Verdict
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from lethe_messaging.identity import Identities
    from lethe_messaging.metrics import Metrics
    from lethe_messaging.ownership import Ownership
    from lethe_messaging.reader import Place
    from lethe_messaging.reading import Reading
    from lethe_messaging.settings import Tuning
    from lethe_postgres import Database

log = logging.getLogger(__name__)

_EVERY = 1.0  # seconds
_ENDS_EVERY = 3.0  # seconds; a client that hangs does not report new records itself, so the broker is asked


class Watch:
    """Looks once a second."""

    def __init__(
        self,
        database: Database,
        reading: Reading,
        ownership: Ownership,
        identities: Identities,
        *,
        tuning: Tuning,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._reading = reading
        self._ownership = ownership
        self._identities = identities
        self._tuning = tuning
        self._metrics = metrics
        self._ends: dict[Place, int] = {}
        self._reported: set[Place] = set()
        self._progress = Progress(tuning.stuck_after, tuning.stuck_clients)
        self._asked_at = 0.0
        self._compared_at = time.monotonic()
        self._answered_at = time.monotonic()

    async def run(self) -> None:
        """Watch until cancelled. Raises ConsumerStuck when only a new process helps."""
        while True:
            await asyncio.sleep(_EVERY)
            await self._ask_ends()
            self._look_for_stuck()
            self._report()
            try:
                await self._look_for_recreated()
                await self._look_for_moved()
            except Exception as error:
                if not is_transient(error):
                    raise

    @property
    def stopped(self) -> dict[Place, str]:
        """Owned partitions that wait for a person, and why."""
        cursors = [cursor for _, cursor in self._ownership.cursors()]
        return {(c.topic, c.partition): c.stopped for c in cursors if c.stopped is not None}

    def lag(self, place: Place, next_offset: int) -> int:
        """Records the broker has and we have not handled, as far as is known."""
        reader = self._reading.reader
        known = reader.high_water(place) if reader is not None and place in self._reading.waiting_since else 0
        return max(0, max(known, self._ends.get(place, 0)) - next_offset)

    async def _ask_ends(self) -> None:
        reader = self._reading.reader
        now = time.monotonic()
        if reader is None or not self._reading.waiting_since:
            self._answered_at = now
            return
        if now < self._asked_at + _ENDS_EVERY:
            return
        self._asked_at = now
        try:
            self._ends = dict(await reader.ends(self._reading.waiting_since))
            self._answered_at = time.monotonic()
            self._reading.trouble = None
        except CLIENT_ERRORS as error:
            self._reading.trouble = type(error).__name__
            log.warning("the ends of partitions are not to be had", extra={"error": type(error).__name__})

    def _look_for_stuck(self) -> None:
        now = time.monotonic()
        if now > self._answered_at + self._tuning.stuck_after:
            self._answered_at = now
            self._progress.forget()
            self._reading.renew("unreachable")
            return
        if self._reading.reader is None or now > self._answered_at + 2 * _ENDS_EVERY:
            self._progress.forget()
            return
        behind = [
            ((cursor.topic, cursor.partition), cursor.fetched)
            for _, cursor in self._ownership.cursors()
            if self._waits((cursor.topic, cursor.partition), cursor.fetched)
        ]
        verdict = self._progress.look(behind, now)
        if verdict is Verdict.RENEW:
            self._reading.renew("stuck")
        elif verdict is Verdict.HOPELESS:
            raise ConsumerStuck(
                "the brokers answer and have records, but new clients read none: start the service again"
            )

    def _waits(self, place: Place, fetched: int) -> bool:
        """It is being read, and the broker has more of it than arrived."""
        reading = self._reading
        return place in reading.waiting_since and not reading.is_paused(place) and self._ends.get(place, 0) > fetched

    async def _look_for_recreated(self) -> None:
        reader = self._reading.reader
        if reader is None or time.monotonic() < self._compared_at + _ENDS_EVERY:
            return
        self._compared_at = time.monotonic()
        try:
            ids = await reader.topic_ids(self._ownership.topics)
        except CLIENT_ERRORS:
            return  # it is told by whoever asks for the ends
        await self._identities.compare(ids)
        before = self.stopped
        for slot, cursor in self._ownership.cursors():
            if self._identities.judge(cursor):
                slot.end("the topic was accepted")
        if self.stopped != before:
            self._reading.reassign()

    async def _look_for_moved(self) -> None:
        slots = self._ownership.slots
        if not slots:
            return
        rows = await self._database.fetch(
            sql()["moved"], list(slots), [slot.epoch for slot in slots.values()], list(self._ownership.topics)
        )
        for row in rows:
            if row["part"] in slots:
                slots[row["part"]].end("moved by a person")

    def _report(self) -> None:
        ages: defaultdict[str, float] = defaultdict(float)
        stopped = 0
        reported = set()
        for _, cursor in self._ownership.cursors():
            place = (cursor.topic, cursor.partition)
            reported.add(place)
            self._metrics.lag.labels(cursor.topic, str(cursor.partition)).set(self.lag(place, cursor.next_offset))
            oldest = cursor.oldest_timestamp_ms
            ages[cursor.topic] = max(ages[cursor.topic], time.time() - oldest / 1000 if oldest is not None else 0.0)
            stopped += cursor.stopped is not None
        for topic, partition in self._reported - reported:
            self._metrics.lag.remove(topic, str(partition))  # whoever owns it now tells its lag
        self._reported = reported
        for topic, age in ages.items():
            self._metrics.lag_seconds.labels(topic).set(age)
        self._metrics.stopped.set(stopped)
