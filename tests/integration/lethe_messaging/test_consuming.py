from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
from aiokafka import AIOKafkaProducer

from lethe_messaging import (
    Tuning,
    set_offset,
)
from lethe_testkit.ground import (
    Ground,
    eventually,
    fact,
    number_of,
    open_database,
    record_effects,
    slots_of,
    status_of,
)
from lethe_testkit.proxy import commit_proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_messaging import Message, Work


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


async def _true(value: object) -> bool:
    return bool(value)
