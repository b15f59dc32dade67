from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from prometheus_client import CollectorRegistry

from lethe_events import Record
from lethe_messaging.metrics import Metrics
from lethe_messaging.outbox import Chunk, Outbox
from lethe_messaging.producer import Outcome, Producer
from lethe_messaging.publisher import Publisher
from lethe_messaging.settings import Tuning

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence


class Broker:
    """Accepts everything, except while `away`, and except topics named `refused` and `broken`."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.rounds = 0
        self.away = 0
        self.unreachable = False

    async def publish(self, records: Sequence[Record]) -> Outcome:
        self.rounds += 1
        await asyncio.sleep(0)
        self.unreachable = self.away > 0
        if self.unreachable:
            self.away -= 1
            return Outcome(range(len(records)), ())
        refused = [n for n, r in enumerate(records) if r.topic == "refused"]
        failed = [n for n, r in enumerate(records) if r.topic == "broken"]
        self.log += [r.value for n, r in enumerate(records) if n not in {*refused, *failed}]
        return Outcome(failed, refused)


class Table:
    def __init__(self) -> None:
        self.deleted: set[int] = set()
        self.left: dict[int, list[bytes]] = {}
        self.behind = 0

    async def delete(self, ids: Collection[int]) -> None:
        self.deleted |= set(ids)

    async def leave_to_relay(self, chunk: Chunk, pause: float) -> None:
        self.left[chunk.id] = [r.value for r in chunk.records]

    async def relay_is_behind(self, chunk: Chunk) -> bool:
        self.behind -= 1
        return self.behind >= 0


def chunk(n: int, *topics: str) -> Chunk:
    return Chunk(n, [Record(t, b"k", f"{n}{t}".encode(), ()) for t in topics or ("t",)])


@asynccontextmanager
async def running(broker: Broker, table: Table, tuning: Tuning | None = None) -> AsyncIterator[Publisher]:
    publisher = Publisher(
        cast("Producer", broker),
        cast("Outbox", table),
        tuning or Tuning(linger=0, tick=0),
        Metrics(CollectorRegistry()),
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(publisher.run())
        yield publisher
        task.cancel()


async def test_everything_offered_is_published_in_order_and_then_deleted() -> None:
    broker, table = Broker(), Table()
    async with running(broker, table) as publisher:
        for n in range(50):
            publisher.offer(chunk(n))
        assert await publisher.drain(5)
    assert broker.log == [f"{n}t".encode() for n in range(50)]
    assert table.deleted == set(range(50))
    assert broker.rounds == 1


async def test_while_brokers_are_away_nothing_is_lost_or_left_to_the_relay() -> None:
    broker, table = Broker(), Table()
    broker.away = 5
    async with running(broker, table) as publisher:
        publisher.offer(chunk(1))
        publisher.offer(chunk(2))
        assert await publisher.drain(10)
    assert broker.log == [b"1t", b"2t"]
    assert table.left == {}


async def test_a_record_whose_topic_is_missing_holds_up_nothing_else() -> None:
    broker, table = Broker(), Table()
    async with running(broker, table) as publisher:
        publisher.offer(chunk(1, "t", "refused", "t"))
        publisher.offer(chunk(2))
        assert await publisher.drain(5)
    assert broker.log == [b"1t", b"1t", b"2t"]
    assert table.left == {1: [b"1refused"]}
    assert table.deleted == {2}


async def test_a_chunk_that_fails_again_and_again_is_left_to_the_relay_with_what_it_lacks() -> None:
    broker, table = Broker(), Table()
    async with running(broker, table) as publisher:
        publisher.offer(chunk(1, "t", "broken"))
        publisher.offer(chunk(2))
        assert await publisher.drain(5)
    assert broker.log == [b"1t", b"2t"]
    assert table.left == {1: [b"1broken"]}


async def test_beyond_its_bound_new_chunks_are_the_relays_and_come_before_what_follows_them() -> None:
    broker, table = Broker(), Table()
    async with running(broker, table, Tuning(linger=0, tick=0, in_flight=10)) as publisher:
        assert not publisher.leaves_to_relay()
        for n in range(10):
            publisher.offer(chunk(n))
        assert publisher.leaves_to_relay()
        assert await publisher.drain(5)
        assert not publisher.leaves_to_relay()
        table.behind = 3
        publisher.offer(chunk(11))
        assert await publisher.drain(5)
    assert broker.log[-1] == b"11t"
    assert table.behind == -1
