"""A simulated Kafka: partitions that keep order, producers that fail or do not know, clients that read oddly."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from lethe_testkit.simulation.world import Steps, World

_ODDNESS = 3


class Rec(NamedTuple):
    """A record on its way. `writer`, `serial`: who wrote it, and its place in the outbox: a hundred per chunk."""

    topic: str
    key: UUID
    id: Any
    body: Any
    at: datetime
    writer: int = 0
    serial: int = 0


class Fetched(NamedTuple):
    """As the client hands it on: what `lethe_messaging.cursor` reads of a record."""

    offset: int
    timestamp: int
    rec: Rec


class Bus:
    """Topics appear with their first use and have `partitions` partitions each."""

    def __init__(self, world: World, partitions: int) -> None:
        self.world = world
        self.partitions = partitions
        self.logs: defaultdict[tuple[str, int], list[Fetched]] = defaultdict(list)
        self.relayed: list[Rec] = []
        self._odd: dict[tuple[str, int], int] = {}
        self._listeners: defaultdict[tuple[str, int], list[Callable[[], None]]] = defaultdict(list)

    def partition(self, key: UUID) -> int:
        return key.int % self.partitions

    def listen(self, topic: str, partition: int, heard: Callable[[], None]) -> None:
        self._listeners[topic, partition].append(heard)

    def append(self, rec: Rec) -> None:
        place = (rec.topic, self.partition(rec.key))
        log = self.logs[place]
        log.append(Fetched(len(log), 0, rec))
        if self.world.trace is not None:
            self.world.tell(f"{place[0]}/{place[1]} has {rec.id} at {len(log) - 1}")
        for heard in self._listeners[place]:
            heard()

    def publish(self, recs: Sequence[Rec], failed: list[int], fresh: frozenset[int] = frozenset()) -> Steps:
        """`producer.publish`: in order per partition; fills `failed` with what was not acknowledged.

        From the first failure of a partition on, all of it counts as failed; some of that may stand in the log.
        `fresh`: chunks that the relay publishes for the first time; their order is kept for the checker.
        """
        world = self.world
        lanes: dict[tuple[str, int], list[int]] = {}
        for index, rec in enumerate(recs):
            lanes.setdefault((rec.topic, self.partition(rec.key)), []).append(index)
        for lane in lanes.values():
            yield world.short()
            lost = len(lane)
            told = len(lane)
            if world.happens(world.faults.produce_fails, "failed produce"):
                lost = told = world.rng.randrange(len(lane))
            elif world.happens(world.faults.produce_ambiguous, "ambiguous produce"):
                told = world.rng.randrange(len(lane))
            for index in lane[:lost]:
                self.append(recs[index])
                if recs[index].serial // 100 in fresh:
                    self.relayed.append(recs[index])
            failed += lane[told:]
        yield world.short()

    def fetch(self, topic: str, partition: int, offset: int) -> tuple[Sequence[Fetched], int]:
        """What the client reads from `offset` on, and where it would read on.

        Now and then records are missing or repeated, but not twice in the same place; now and then they come late.
        """
        log = self.logs[topic, partition]
        world, place = self.world, (topic, partition)
        start, end = offset, len(log)
        if end > offset and world.happens(world.faults.late, "late read"):
            end = world.rng.randrange(offset, end)
        if end > offset and self._odd.get(place) != offset and world.happens(world.faults.fetch_odd, "odd read"):
            self._odd[place] = offset
            start = min(max(0, offset + world.rng.randrange(-_ODDNESS, _ODDNESS)), end - 1)
        return log[start:end], end
