from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from prometheus_client import CollectorRegistry

from lethe_events import Record
from lethe_messaging import (
    Bus,
    BusFailed,
    TopicMismatch,
    Tuning,
    discard_parked,
    ensure_topics,
    parked_groups,
    retry_parked,
    set_offset,
)
from lethe_postgres import Database
from lethe_testkit.ground import (
    Ground,
    eventually,
    fact,
    messaging_ground,
    number_of,
    open_database,
    record_effects,
    slots_of,
    status_of,
)
from lethe_testkit.proxy import commit_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from lethe_messaging import Message, Work


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str) -> AsyncIterator[Ground]:
    async with messaging_ground(postgres_dsn, kafka_bootstrap, unique) as found:
        await found.make(found.source)
        yield found


async def test_what_is_sent_arrives_once_and_in_order_per_partition(ground: Ground) -> None:
    bus = await ground.bus()
    for start in range(0, 3000, 500):
        await ground.send(bus, range(start, start + 500))
    async with ground.consuming(bus, {ground.source: record_effects}):
        await ground.expect_effects(range(3000))
    rows = await ground.database.fetch("SELECT part, record_offset FROM effect ORDER BY id")
    for part in range(4):
        found = [row["record_offset"] for row in rows if row["part"] == part]
        assert found == list(range(len(found)))


async def test_replaying_a_whole_topic_has_no_second_effect_for_a_handler_that_dedupes(ground: Ground) -> None:
    await ground.database.execute("CREATE UNIQUE INDEX ON effect (n)")
    calls: list[int] = []

    async def handler(work: Work, messages: Sequence[Message]) -> None:
        numbers = [number_of(m) for m in messages]
        calls.extend(numbers)
        new = await work.tx.fetch(
            "INSERT INTO effect (n, topic, part, record_offset)"
            " SELECT n, '', 0, 0 FROM unnest($1::int[]) AS n ON CONFLICT DO NOTHING RETURNING n",
            numbers,
        )
        work.send([status_of(ground.target.name, row["n"]) for row in new])

    await ground.make(ground.target)
    bus = await ground.bus()
    await ground.send(bus, range(500))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects(range(500))
        assert await set_offset(ground.database, ground.source.name, 0) == 4
        await eventually(lambda: _true(len(calls) >= 1000), 10)
        await ground.expect_effects(range(500))
    assert sorted(calls) == sorted([*range(500), *range(500)])
    assert len(await ground.published()) == 500


async def test_a_transient_error_brings_the_same_batch_again_and_nothing_overtakes_it(ground: Ground) -> None:
    await ground.make(ground.target, partitions=4)
    failures = 5
    seen: list[list[int]] = []

    async def handler(work: Work, messages: Sequence[Message]) -> None:
        nonlocal failures
        seen.append([number_of(m) for m in messages])
        await record_effects(work, messages)
        work.send([status_of(ground.target.name, number_of(m)) for m in messages])
        if failures:
            failures -= 1
            raise asyncpg.DeadlockDetectedError("deadlock")

    bus = await ground.bus()
    await ground.send(bus, range(100))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects(range(100))
    firsts = {tuple(batch) for batch in seen}
    assert len(seen) == len(firsts) + 5
    assert len(await ground.published()) == 100


async def test_a_poison_message_is_parked_and_the_partition_goes_on(ground: Ground) -> None:
    async def handler(work: Work, messages: Sequence[Message]) -> None:
        await record_effects(work, messages)
        if any(number_of(m) in {17, 18, 200} for m in messages):
            raise KeyError("ada@acme.example")

    bus = await ground.bus(Tuning(retry_first=0.01))
    await ground.send(bus, range(300))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects([n for n in range(300) if n not in {17, 18, 200}])
    rows = await ground.database.fetch("SELECT * FROM parked_message")
    assert {row["code"] for row in rows} == {"key_error"}
    assert len(rows) == 3
    assert all("ada" not in row["detail"] and row["value"] and row["key"] for row in rows)
    assert await parked_groups(ground.database) == [(ground.source.name, "key_error", 3)]


async def test_an_undecodable_message_is_parked_in_the_transaction_that_passes_it(ground: Ground) -> None:
    bus = await ground.bus()
    async with bus.work() as work:
        work.send([Record(ground.source.name, b"k", b"not json", (("ce_type", b"lethe.dsr.status.v1"),))])
        work.send([Record(ground.source.name, b"k", b"{}", (("ce_type", b"somebody.else.v1"),))])
        work.send([status_of(ground.source.name, n) for n in range(10)])
    async with ground.consuming(bus, {ground.source: record_effects}):
        await ground.expect_effects(range(10))
    rows = await ground.database.fetch("SELECT code, value, headers FROM parked_message ORDER BY record_offset")
    assert [(row["code"], row["value"]) for row in rows] == [("schema", b"not json"), ("unknown_type", b"{}")]


async def test_what_a_handler_parks_itself_is_kept_with_its_reason(ground: Ground) -> None:
    async def handler(work: Work, messages: Sequence[Message]) -> None:
        for message in messages:
            if number_of(message) % 2:
                work.park(message, "rejected", "closed saga")
        await record_effects(work, [m for m in messages if number_of(m) % 2 == 0])

    bus = await ground.bus()
    await ground.send(bus, range(10))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects(range(0, 10, 2))
    assert await parked_groups(ground.database) == [(ground.source.name, "rejected", 5)]


async def test_parked_messages_can_be_sent_again_or_discarded_and_that_is_written_down(ground: Ground) -> None:
    broken = True

    async def handler(work: Work, messages: Sequence[Message]) -> None:
        if broken and any(number_of(m) < 4 for m in messages):
            raise ValueError("a bug")
        await record_effects(work, messages)

    bus = await ground.bus(Tuning(retry_first=0.01))
    await ground.send(bus, range(8))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects(range(4, 8))
        broken = False
        async with bus.work() as work:
            assert await discard_parked(work, ground.source.name, code="value_error", note="a test", limit=1) == 1
        async with bus.work() as work:
            assert await retry_parked(work, ground.source.name, code="value_error", note="fixed") == 3
        await eventually(lambda: _count(ground, 7), 10)
    rows = await ground.database.fetch("SELECT state, note FROM parked_message ORDER BY state")
    assert [tuple(row) for row in rows] == [("discarded", "a test")] + [("retried", "fixed")] * 3


async def test_a_handler_that_hangs_on_one_message_does_not_stop_its_partition(ground: Ground) -> None:
    async def handler(work: Work, messages: Sequence[Message]) -> None:
        await record_effects(work, messages)
        if any(number_of(m) == 7 for m in messages):
            await asyncio.Event().wait()

    bus = await ground.bus(Tuning(handler_timeout=0.2, retry_first=0.01))
    await ground.send(bus, range(20))
    async with ground.consuming(bus, {ground.source: handler}):
        await ground.expect_effects([n for n in range(20) if n != 7])
    assert await parked_groups(ground.database) == [(ground.source.name, "handler_timeout", 1)]


async def test_a_zombie_is_fenced_and_leaves_no_effect(ground: Ground) -> None:
    # it does not look at its leases for a minute: only the compare-and-set can stop it
    zombie = await ground.bus(Tuning(tick=60, lease=60))
    calls: list[int] = []

    async def handler(work: Work, messages: Sequence[Message]) -> None:
        calls.extend(number_of(m) for m in messages)
        await record_effects(work, messages, zombie.instance_id)

    async with ground.consuming(zombie, {ground.source: handler}):
        await eventually(lambda: _true(slots_of(zombie) == [0, 1, 2, 3]), 5)
        await ground.send(zombie, range(10))
        await ground.expect_effects(range(10))
        heir = await ground.bus()
        await ground.database.execute(
            "UPDATE lease SET owner = $1, epoch = epoch + 1, expires_at = 'infinity'", heir.instance_id
        )
        await ground.database.execute("UPDATE consumer_offset SET owner_epoch = owner_epoch + 1")
        await ground.send(zombie, range(10, 50))
        await asyncio.sleep(1.0)
        assert sorted(await ground.effects()) == list(range(10))
        async with ground.consuming(heir, {ground.source: record_effects}):
            await ground.expect_effects(range(50))


async def test_a_commit_of_unknown_outcome_is_looked_up_and_never_assumed(ground: Ground) -> None:
    await ground.make(ground.target)

    async def handler(work: Work, messages: Sequence[Message]) -> None:
        await record_effects(work, messages)
        work.send([status_of(ground.target.name, number_of(m)) for m in messages])

    await ground.send(await ground.bus(), range(400))
    async with commit_proxy(ground.dsn) as proxy:
        database = await open_database(proxy.dsn)
        bus = await ground.bus(Tuning(batch=20, retry_first=0.01), database)
        proxy.armed = True
        async with ground.consuming(bus, {ground.source: handler}):
            await ground.expect_effects(range(400), 40)
            proxy.armed = False
        await database.close()
    assert proxy.cut_before >= 3
    assert proxy.cut_after >= 3
    expected = sorted(status_of(ground.target.name, n).key for n in range(400))
    assert sorted(r.key for r in await ground.published()) == expected


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


async def test_transactions_of_a_product_are_read_without_what_they_took_back(ground: Ground) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=ground.settings.bootstrap, transactional_id=ground.unique)
    await producer.start()
    for n in range(30):
        async with producer.transaction():
            record = status_of(ground.source.name, n)
            await producer.send(record.topic, record.value, record.key, headers=list(record.headers))
        await producer.begin_transaction()
        record = status_of(ground.source.name, 1000 + n)
        await producer.send(record.topic, record.value, record.key, headers=list(record.headers))
        await producer.abort_transaction()
    await producer.stop()
    bus = await ground.bus()
    async with ground.consuming(bus, {ground.source: record_effects}):
        await ground.expect_effects(range(30))
        await eventually(lambda: _true(fact(bus, "lag") == 0), 5)


async def test_partition_n_of_all_topics_is_worked_by_one_task_at_a_time(ground: Ground) -> None:
    other = ground.topic("other")
    await ground.make(other)
    busy: set[int] = set()
    overlaps = 0

    async def handler(work: Work, messages: Sequence[Message]) -> None:
        nonlocal overlaps
        part = messages[0].partition
        overlaps += part in busy
        busy.add(part)
        await asyncio.sleep(0.002)
        await record_effects(work, messages)
        busy.discard(part)

    bus = await ground.bus(Tuning(batch=5))
    await ground.send(bus, range(200))
    await ground.send(bus, range(200, 400), other)
    async with ground.consuming(bus, {ground.source: handler, other: handler}):
        await ground.expect_effects(range(400))
    assert overlaps == 0


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


async def _count(ground: Ground, count: int) -> bool:
    return len(await ground.effects()) >= count


async def _published(ground: Ground, count: int) -> bool:
    return len(await ground.published(ground.source)) >= count
