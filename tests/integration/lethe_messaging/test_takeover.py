"""Processes that are killed, frozen and stopped: nothing is lost, nothing is done twice, somebody else goes on."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from lethe_messaging import Tuning
from lethe_testkit.consumer import consumer_process
from lethe_testkit.ground import (
    Ground,
    eventually,
    messaging_ground,
    number_of,
    record_effects,
    slots_of,
    status_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from lethe_messaging import Bus, Message, Work

PARTITIONS = 8


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str) -> AsyncIterator[Ground]:
    async with messaging_ground(postgres_dsn, kafka_bootstrap, unique) as found:
        await found.make(found.source, found.target, partitions=PARTITIONS)
        yield found


class Feed:
    """Sends a message every few milliseconds, over any trouble, and knows how many it sent."""

    def __init__(self, ground: Ground, bus: Bus) -> None:
        self.sent = 0
        self._ground = ground
        self._bus = bus
        self._over = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        while not self._over.is_set():
            await self._ground.send(self._bus, range(self.sent, self.sent + 5))
            self.sent += 5
            await asyncio.sleep(0.005)
        self._ended.set()

    async def end(self) -> range:
        self._over.set()
        await self._ended.wait()
        return range(self.sent)


async def expect_all(ground: Ground, numbers: range) -> None:
    """Each number had one effect, in order per partition, and was published at least once."""
    await ground.expect_effects(numbers, 40)
    rows = await ground.database.fetch("SELECT part, record_offset FROM effect ORDER BY id")
    for part in range(PARTITIONS):
        offsets = [row["record_offset"] for row in rows if row["part"] == part]
        assert offsets == list(range(len(offsets)))
    await eventually(lambda: _outbox_is_empty(ground), 20)
    published = {record.key for record in await ground.published()}
    assert published == {status_of("", n).key for n in numbers}


async def longest_pause(ground: Ground) -> float:
    """Seconds that some partition went without any effect, while messages kept coming for all of them."""
    found = await ground.database.fetchval(
        """
        SELECT extract(epoch FROM max(pause))::float8
        FROM (SELECT at - lag(at) OVER (PARTITION BY part ORDER BY id) AS pause FROM effect) AS pauses
        """
    )
    return float(found)


async def handler(work: Work, messages: Sequence[Message]) -> None:
    await record_effects(work, messages)
    work.send([status_of(work_target(messages), number_of(m)) for m in messages])


def work_target(messages: Sequence[Message]) -> str:
    return messages[0].topic.replace("source", "target")


async def two_share(ground: Ground, bus: Bus) -> None:
    await eventually(lambda: _is(len(slots_of(bus)) == PARTITIONS // 2), 20)
    await eventually(lambda: _owners(ground, 2), 20)


@pytest.mark.parametrize(("how", "bound"), [(signal.SIGKILL, 1.5), (signal.SIGTERM, 1.5), (signal.SIGSTOP, 8.5)])
async def test_the_partitions_of_a_process_that_goes_are_worked_by_another_at_once(
    ground: Ground, how: signal.Signals, bound: float
) -> None:
    """Bounds hold on a busy machine; a frozen process may hold a row lock until its transaction times out."""
    survivor = await ground.bus()
    feed = Feed(ground, survivor)
    async with asyncio.TaskGroup() as group, ground.consuming(survivor, {ground.source: handler}):
        group.create_task(survivor.relay())
        async with consumer_process(ground) as victim:
            await two_share(ground, survivor)
            group.create_task(feed.run())
            await eventually(lambda: _has_effects(ground, victim.instance_id), 20)
            await asyncio.sleep(0.5)
            victim.signal(how)
            await asyncio.sleep(3)
            if how is signal.SIGSTOP:
                await asyncio.sleep(5)
                victim.signal(signal.SIGCONT)  # a zombie: whatever it still tries is fenced
                await asyncio.sleep(1.5)
            numbers = await feed.end()
            await expect_all(ground, numbers)
    pause = await longest_pause(ground)
    print(f"{how.name}: {pause:.2f} s")
    assert pause < bound


async def test_a_third_instance_gets_its_share_while_work_goes_on(ground: Ground) -> None:
    buses = [await ground.bus() for _ in range(3)]
    feed = Feed(ground, buses[0])
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        group.create_task(feed.run())
        for n, bus in enumerate(buses):
            await stack.enter_async_context(ground.consuming(bus, {ground.source: handler}))
            most = -(-PARTITIONS // (n + 1))
            await eventually(lambda m=most, b=buses[: n + 1]: _shared(b, m), 10)  # type: ignore[misc]
        numbers = await feed.end()
        await expect_all(ground, numbers)


CRASHES = ["poll.after:3", "batch.before_commit:5", "batch.after_commit:5", "publish.after:4"]


@pytest.mark.parametrize("point", CRASHES)
async def test_a_process_that_dies_at_any_point_loses_and_doubles_nothing(ground: Ground, point: str) -> None:
    sender = await ground.bus()
    await ground.send(sender, range(1000))
    async with consumer_process(ground, LETHE_CRASH_AT=point) as victim:
        feed = Feed(ground, sender)
        feed.sent = 1000
        async with asyncio.TaskGroup() as group:
            group.create_task(feed.run())
            assert await asyncio.wait_for(victim.end(), 30) == 137
            numbers = await feed.end()
    heir = await ground.bus()
    async with asyncio.TaskGroup() as group, ground.consuming(heir, {ground.source: handler}):
        group.create_task(heir.relay())
        await expect_all(ground, numbers)


@pytest.mark.parametrize("point", ["relay.read", "relay.published"])
async def test_a_relay_that_dies_is_followed_by_another(ground: Ground, point: str) -> None:
    async with consumer_process(ground, LETHE_CRASH_AT="batch.after_commit:3") as first:
        await ground.send(await ground.bus(), range(500))
        assert await asyncio.wait_for(first.end(), 30) == 137
    async with consumer_process(ground, LETHE_CRASH_AT=point) as second:
        assert await asyncio.wait_for(second.end(), 30) == 137
    async with consumer_process(ground):
        await expect_all(ground, range(500))


async def test_an_instance_that_lost_its_session_goes_on_with_its_slots(ground: Ground) -> None:
    bus = await ground.bus(Tuning(lease=1.0))
    feed = Feed(ground, bus)
    async with asyncio.TaskGroup() as group, ground.consuming(bus, {ground.source: handler}):
        group.create_task(feed.run())
        await eventually(lambda: _is(len(slots_of(bus)) == PARTITIONS), 10)
        for _ in range(3):
            await ground.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'ground-member'"
            )
            await asyncio.sleep(0.7)
        assert bus.health()["ok"]
        assert len(slots_of(bus)) == PARTITIONS
        numbers = await feed.end()
        await expect_all(ground, numbers)


async def test_peers_know_who_is_gone(ground: Ground) -> None:
    bus = await ground.bus()
    async with consumer_process(ground) as other:
        assert await bus.dead_instances() == frozenset()
        other.signal(signal.SIGKILL)
        await other.end()
        await eventually(lambda: _dead(bus, other.instance_id), 5)


async def _is(value: object) -> bool:
    return bool(value)


async def _dead(bus: Bus, instance_id: str) -> bool:
    return UUID(instance_id) in await bus.dead_instances()


async def _owners(ground: Ground, count: int) -> bool:
    return bool(await ground.database.fetchval("SELECT count(DISTINCT owner) = $1 FROM lease", count))


async def _has_effects(ground: Ground, instance_id: str) -> bool:
    return bool(
        await ground.database.fetchval("SELECT EXISTS (SELECT FROM effect WHERE by_instance = $1)", UUID(instance_id))
    )


async def _shared(buses: Sequence[Bus], most: int) -> bool:
    shares = [len(slots_of(bus)) for bus in buses]
    return sum(shares) == PARTITIONS and max(shares) <= most


async def _outbox_is_empty(ground: Ground) -> bool:
    return not await ground.database.fetchval("SELECT EXISTS (SELECT FROM outbox)")
