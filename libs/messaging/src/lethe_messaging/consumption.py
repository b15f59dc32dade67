"""Consuming: prepares the tables, owns slots, and runs their workers beside the reading and the watch."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lethe_messaging.admin import look_at_topics
from lethe_messaging.errors import TopicMismatch
from lethe_messaging.guard import CLIENT_ERRORS, essential
from lethe_messaging.identity import Identities
from lethe_messaging.outbox import sql
from lethe_messaging.ownership import Ownership
from lethe_messaging.reader import Reader
from lethe_messaging.reading import Reading
from lethe_messaging.slot import Worker
from lethe_messaging.watch import Watch
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_messaging.handling import Handling
    from lethe_messaging.membership import Membership
    from lethe_messaging.metrics import Metrics
    from lethe_messaging.settings import KafkaSettings, Tuning
    from lethe_postgres import Database

log = logging.getLogger(__name__)

_PAUSE = 0.2
_RELEASE_PATIENCE = 3.0


class Consumption:
    """Runs until stopped: then the batches under way are finished and the leases given up."""

    def __init__(
        self,
        *,
        database: Database,
        settings: KafkaSettings,
        membership: Membership,
        handling: Handling,
        topics: Sequence[str],
        tuning: Tuning,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._settings = settings
        self._membership = membership
        self._handling = handling
        self._topics = list(topics)
        self._tuning = tuning
        self._metrics = metrics
        self._stopping = asyncio.Event()
        self._identities = Identities(database)
        self.ownership = Ownership(database, membership, topics, tuning, self._identities)
        self.reading = Reading(settings, self.ownership, tuning, metrics, self._stopping)
        self.watch = Watch(database, self.reading, self.ownership, self._identities, tuning=tuning, metrics=metrics)

    def stop(self) -> None:
        """Finish what is under way and come out of `run`."""
        self._stopping.set()
        self._membership.sharing = False
        self._membership.wake()

    async def run(self) -> None:
        """Consume until stopped or cancelled. Raises TopicMismatch if a topic is not as it was created."""
        await self._prepare()
        if self._stopping.is_set():
            return
        self._membership.consuming = self._membership.sharing = True
        self._membership.wake()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(essential(self.reading.run()))
                watching = group.create_task(essential(self.watch.run()))
                await self._own(group)
                watching.cancel()
        finally:
            self._membership.consuming = self._membership.sharing = False
            await self._leave()

    def facts(self) -> dict[str, object]:
        """For health: what is owned, how far behind, what stands still."""
        cursors = [cursor for _, cursor in self.ownership.cursors()]
        lags = [self.watch.lag((c.topic, c.partition), c.next_offset) for c in cursors]
        return {
            "slots": sorted(self.ownership.slots),
            "lag": sum(lags),
            "stopped": [f"{c.topic}/{c.partition}: {c.stopped}" for c in cursors if c.stopped is not None],
            "trouble": self.reading.trouble,
        }

    def stopped(self) -> dict[tuple[str, int], str]:
        """Topic and partition → why it waits for a person."""
        return self.watch.stopped

    async def _own(self, group: asyncio.TaskGroup) -> None:
        while not self._stopping.is_set() or self.ownership.slots:
            beat = await self._membership.next_beat()
            before = self.ownership.version
            for slot in await self.ownership.follow(beat, leaving=self._stopping.is_set()):
                worker = Worker(slot, self._handling, self._tuning, self._metrics, self._membership.wake)
                group.create_task(essential(worker.run()))
            if self.ownership.version != before:
                self._metrics.rebalances.inc()

    async def _prepare(self) -> None:
        """Over any outage; what is missing or mismatched raises."""
        while not self._stopping.is_set():
            try:
                await self._prepare_once()
            except Exception as error:
                if not isinstance(error, CLIENT_ERRORS) and not is_transient(error):
                    raise
                self.reading.trouble = type(error).__name__
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _prepare_once(self) -> None:
        counts, ids = await look_at_topics(self._settings, self._topics)
        absent = sorted(set(self._topics) - set(counts))
        if absent:
            raise TopicMismatch(f"no topic {', '.join(absent)}: create it with ensure_topics before consuming")
        rows = await self._database.fetch(sql()["known_partitions"], self._topics)
        known = {row["topic"]: row["partitions"] for row in rows}
        for topic, count in counts.items():
            if known.get(topic, count) != count:
                raise TopicMismatch(
                    f"{topic} has {count} partitions, but had {known[topic]} when it was first consumed: "
                    "order per key is lost; make a new topic instead"
                )
        new = counts.keys() - known.keys()
        if new:
            await self._begin({topic: counts[topic] for topic in new})
        await self._identities.compare(ids)
        await self._database.execute(sql()["make_slots"], max(counts.values()))

    async def _begin(self, counts: dict[str, int]) -> None:
        """Topics never consumed before start at the oldest record the broker has."""
        reader = Reader(self._settings)
        await reader.open()
        try:
            for topic, count in counts.items():
                starts = await reader.beginnings(topic, count)
                await self._database.execute(sql()["make_offsets"], topic, list(range(count)), starts)
        finally:
            await reader.close()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(_RELEASE_PATIENCE):
                await self.ownership.release_all()
        except Exception as error:  # noqa: BLE001 - the leases run out by themselves
            log.warning("leases were not given up", extra={"error": type(error).__name__})
