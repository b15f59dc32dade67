from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from lethe_events import Record
from lethe_messaging import Bus, KafkaSettings, Tuning, ensure_topics
from lethe_messaging.chunk import pack
from lethe_messaging.work import MAX_VALUE
from lethe_testkit.consumer import consumer_process
from lethe_testkit.ground import Ground, eventually, messaging_ground, status_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str) -> AsyncIterator[Ground]:
    async with messaging_ground(postgres_dsn, kafka_bootstrap, unique) as found:
        await found.make(found.source, found.target)
        yield found


async def keys(ground: Ground) -> list[bytes]:
    return sorted(record.key for record in await ground.published())


def expected(ground: Ground, numbers: range) -> list[bytes]:
    return sorted(status_of(ground.target.name, n).key for n in numbers)


async def outbox_rows(ground: Ground) -> int:
    return int(await ground.database.fetchval("SELECT count(*) FROM outbox"))


async def write_row(ground: Ground, writer: UUID, numbers: range, *, age: str = "0s") -> None:
    """A committed chunk of somebody who did not publish it."""
    chunk = pack([status_of(ground.target.name, n) for n in numbers])
    await ground.database.execute(
        "INSERT INTO outbox (writer, records, chunk, written_at)"
        " VALUES ($1, $2, $3, clock_timestamp() - $4::text::interval)",
        writer,
        len(numbers),
        chunk,
        age,
    )


async def test_what_is_rolled_back_is_never_published(ground: Ground) -> None:
    bus = await ground.bus()
    with pytest.raises(ZeroDivisionError):
        await _fail(ground)
    await ground.send(bus, range(3), ground.target)
    await eventually(lambda: _drained(ground), 5)
    assert await keys(ground) == expected(ground, range(3))


async def test_what_a_dead_writer_committed_is_published_by_another_instance(ground: Ground) -> None:
    async with consumer_process(ground, LETHE_CRASH_AT="batch.after_commit") as dead:
        await ground.send(await ground.bus(), range(50))
        assert await dead.end() == 137
    assert await outbox_rows(ground) >= 1
    async with consumer_process(ground):
        took = await eventually(lambda: _drained(ground), 5)
        assert took < 5
        await ground.expect_effects(range(50))
        await eventually(lambda: _drained(ground), 5)
    assert set(await keys(ground)) == set(expected(ground, range(50)))


async def test_the_relay_leaves_alone_what_a_living_writer_is_about_to_publish(ground: Ground) -> None:
    relaying, writing = await ground.bus(Tuning(relay_after=3)), await ground.bus()
    async with asyncio.TaskGroup() as group:
        group.create_task(relaying.relay())
        await eventually(lambda: _leads(relaying), 5)
        await write_row(ground, writing.instance_id, range(5))
        await asyncio.sleep(1)
        assert await outbox_rows(ground) == 1
        await eventually(lambda: _drained(ground), 5)
        await relaying.stop()
    assert await keys(ground) == expected(ground, range(5))


async def test_one_instance_relays_and_another_follows_when_it_goes(ground: Ground) -> None:
    first, second = await ground.bus(), await ground.bus()
    async with asyncio.TaskGroup() as group:
        relaying = group.create_task(first.relay())
        await eventually(lambda: _leads(first), 5)
        group.create_task(second.relay())
        await asyncio.sleep(0.6)
        assert not second.health()["leads_relay"]
        relaying.cancel()
        await eventually(lambda: _leads(second), 3)
        await first.stop()
        await write_row(ground, first.instance_id, range(5))
        await eventually(lambda: _drained(ground), 3)
        await second.stop()
    assert await keys(ground) == expected(ground, range(5))


async def test_more_than_a_process_may_hold_goes_through_the_relay_and_all_of_it_arrives(ground: Ground) -> None:
    bus = await ground.bus(Tuning(in_flight=100, round=50, linger=0.3))
    async with asyncio.TaskGroup() as group:
        group.create_task(bus.relay())
        for n in range(0, 2000, 20):
            await ground.send(bus, range(n, n + 20), ground.target)
        await eventually(lambda: _drained(ground), 20)
        await bus.stop()
    assert bus._metrics.relayed._value.get() > 0
    assert await keys(ground) == expected(ground, range(2000))
    for part in range(4):
        versions = [record.value for record in await ground.published() if record.partition == part]
        numbers = [int(value.split(b'"version":')[1].split(b",")[0]) for value in versions]
        assert numbers == sorted(numbers)


async def test_a_topic_that_is_missing_holds_up_nothing_and_gets_its_messages_when_it_is_made(ground: Ground) -> None:
    missing = ground.topic("later")
    bus = await ground.bus()
    async with asyncio.TaskGroup() as group:
        group.create_task(bus.relay())
        async with bus.work() as work:
            work.send([status_of(missing.name, 1), status_of(ground.target.name, 1), status_of(missing.name, 2)])
        await ground.send(bus, range(2, 5), ground.target)
        await eventually(lambda: _published(ground, 4), 10)
        await eventually(lambda: _left(ground, 2), 5)
        await ground.make(missing)
        await eventually(lambda: _drained(ground), 20)
        await bus.stop()
    assert len(await ground.published(missing)) == 2
    assert await keys(ground) == expected(ground, range(1, 5))


async def test_a_record_as_large_as_allowed_passes(ground: Ground) -> None:
    bus = await ground.bus()
    async with bus.work() as work:
        work.send([Record(ground.target.name, b"k", os.urandom(MAX_VALUE), (("h", b"v" * 1000),)) for _ in range(5)])
    await eventually(lambda: _drained(ground), 10)
    assert len(await ground.published()) == 5


async def test_work_is_accepted_while_brokers_are_away(ground: Ground) -> None:
    bus = Bus(ground.database, KafkaSettings("127.0.0.1:1"), service="ground", registry=CollectorRegistry())
    await bus.start()
    await ground.send(bus, range(5), ground.target)
    await eventually(lambda: _not_ok(bus), 10)
    assert await outbox_rows(ground) == 1
    await asyncio.wait_for(bus.stop(), 25)
    other = await ground.bus()
    async with asyncio.TaskGroup() as group:
        group.create_task(other.relay())
        await eventually(lambda: _drained(ground), 5)
        await other.stop()
    assert await keys(ground) == expected(ground, range(5))


async def test_topics_are_made_once_however_many_processes_start(ground: Ground) -> None:
    topics = [ground.topic(f"t{n}") for n in range(5)]
    await ground.make(*topics)
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(ensure_topics(ground.settings, topics, 4))


async def _fail(ground: Ground) -> None:
    bus = await ground.bus()
    async with bus.work() as work:
        work.send([status_of(ground.target.name, 99)])
        raise ZeroDivisionError


async def _leads(bus: Bus) -> bool:
    return bool(bus.health()["leads_relay"])


async def _not_ok(bus: Bus) -> bool:
    return not bus.health()["ok"]


async def _drained(ground: Ground) -> bool:
    return await outbox_rows(ground) == 0


async def _left(ground: Ground, records: int) -> bool:
    rows = await ground.database.fetch("SELECT records, relayed FROM outbox")
    return [tuple(row) for row in rows] == [(records, True)]


async def _published(ground: Ground, count: int) -> bool:
    return len(await ground.published()) >= count
