from __future__ import annotations

import asyncio
import struct

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from prometheus_client import CollectorRegistry

from lethe_messaging import (
    Bus,
    BusFailed,
    TopicMismatch,
    ensure_topics,
    set_offset,
)
from lethe_postgres import Database
from lethe_testkit.ground import (
    Ground,
    eventually,
    fact,
    record_effects,
    slots_of,
)


async def test_an_offset_the_broker_no_longer_has_stops_the_partition_and_alarms(ground: Ground) -> None:
    bus = await ground.bus()
    await ground.send(bus, range(100))
    async with ground.consuming(bus, {ground.source: record_effects}):
        await ground.expect_effects(range(100))
        await set_offset(ground.database, ground.source.name, 10**6, partition=2)
        await eventually(lambda: _true(not bus.health()["ok"]), 10)
        assert fact(bus, "stopped") == [f"{ground.source.name}/2: offset_out_of_range"]
        await ground.send(bus, range(100, 140))
        await asyncio.sleep(0.5)
        parts = await ground.database.fetch("SELECT DISTINCT part FROM effect WHERE n >= 100 ORDER BY part")
        assert [row["part"] for row in parts] == [0, 1, 3]
        end = await ground.database.fetchval("SELECT max(record_offset) + 1 FROM effect WHERE part = 2")
        await set_offset(ground.database, ground.source.name, end, partition=2)
        await ground.expect_effects(range(140))
        assert bus.health()["ok"]


async def test_a_record_that_breaks_the_clients_parser_stops_its_partition_alone(ground: Ground) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=ground.settings.bootstrap)
    await producer.start()
    batch = producer.create_batch()
    batch.append(key=b"k", value=b"v", timestamp=None, headers=[("hdrX", b"1")])
    build = batch._build

    def broken() -> bytes:
        data = bytearray(build())
        at = data.index(b"hdrX")
        data[at : at + 4] = b"\xff\xfe\xff\xfe"  # a header name that is not UTF-8
        struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
        return bytes(data)

    batch._build = broken
    await (await producer.send_batch(batch, ground.source.name, partition=1))
    await producer.stop()
    bus = await ground.bus()
    await ground.send(bus, range(100))
    async with ground.consuming(bus, {ground.source: record_effects}):
        await eventually(lambda: _true(fact(bus, "stopped") == [f"{ground.source.name}/1: unreadable"]), 15)
        await eventually(lambda: _parts(ground, [0, 2, 3]), 10)
        await set_offset(ground.database, ground.source.name, 1, partition=1)
        await ground.expect_effects(range(100))


async def test_a_first_consumer_begins_at_the_oldest_record_there_is(ground: Ground) -> None:
    bus = await ground.bus()
    await ground.send(bus, range(100))
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.settings.bootstrap)
    await admin.start()
    place = TopicPartition(ground.source.name, 0)
    await eventually(lambda: _published(ground, 100), 10)
    await admin.delete_records({place: RecordsToDelete(before_offset=5)})
    await admin.close()
    async with ground.consuming(bus, {ground.source: record_effects}):
        await eventually(lambda: _count(ground, 95), 10)
    assert await ground.database.fetchval("SELECT min(record_offset) FROM effect WHERE part = 0") == 5


async def test_a_topic_with_another_partition_count_is_refused(ground: Ground) -> None:
    with pytest.raises(TopicMismatch, match="has 4"):
        await ensure_topics(ground.settings, [ground.source], partitions=8)
    await ensure_topics(ground.settings, [ground.source], partitions=4)
    bus = await ground.bus()
    async with ground.consuming(bus, {ground.source: record_effects}):
        await eventually(lambda: _true(len(slots_of(bus)) == 4), 5)
    await ground.database.execute("DELETE FROM consumer_offset WHERE part = 3")
    second = await ground.bus()
    with pytest.raises(TopicMismatch, match="had 3 when it was first consumed"):
        await second.consume({ground.source: record_effects})


async def test_a_topic_that_does_not_exist_is_named(ground: Ground) -> None:
    bus = await ground.bus()
    with pytest.raises(TopicMismatch, match=r"no topic .*target"):
        await bus.consume({ground.target: record_effects})


async def test_a_bus_that_was_not_started_says_so(ground: Ground) -> None:
    bus = Bus(ground.database, ground.settings, service="x", registry=CollectorRegistry())
    with pytest.raises(BusFailed, match="not started"):
        await bus.consume({ground.source: record_effects})


async def test_a_bus_whose_tables_are_missing_says_what_to_do(ground: Ground) -> None:
    empty = await Database.connect(ground.dsn, schema="public", application_name="ground")
    bus = Bus(empty, ground.settings, service="x", registry=CollectorRegistry())
    with pytest.raises(BusFailed, match="migrate_messaging"):
        await bus.start()
    await empty.close()


async def _true(value: object) -> bool:
    return bool(value)


async def _parts(ground: Ground, expected: list[int]) -> bool:
    rows = await ground.database.fetch("SELECT DISTINCT part FROM effect ORDER BY part")
    return [row["part"] for row in rows] == expected


async def _count(ground: Ground, count: int) -> bool:
    return len(await ground.effects()) >= count


async def _published(ground: Ground, count: int) -> bool:
    return len(await ground.published(ground.source)) >= count
