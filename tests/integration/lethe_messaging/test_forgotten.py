"""A proxy before a broker of its own forgets connections, or is slow: what is late is told from what is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lethe_events.topics import Topic
from lethe_messaging import KafkaSettings
from lethe_participant import Participant, Result, Settings, Task
from lethe_testkit.faults.broker import broker_behind_proxy
from lethe_testkit.ground import eventually, messaging_ground, number_of, record_effects, status_of
from lethe_testkit.native import NativeKafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lethe_messaging import Bus, Message, Work
    from lethe_testkit.faults.broker import BrokerBehindProxy

pytestmark = [pytest.mark.timeout(180)]


@dataclass(frozen=True)
class Patient(KafkaSettings):
    """Whose timeouts find out nothing while a test lasts."""

    def client_options(self) -> dict[str, Any]:
        return {**super().client_options(), "request_timeout_ms": 600_000}


class PatientSettings(Settings):
    def client_options(self) -> dict[str, Any]:
        return {**super().client_options(), "request_timeout_ms": 600_000}


@pytest.fixture(scope="module")
def proxy() -> Iterator[BrokerBehindProxy]:
    with broker_behind_proxy() as made:
        yield made


async def pass_on(work: Work, messages: Sequence[Message]) -> None:
    await record_effects(work, messages)
    work.send([status_of(m.topic.replace("source", "target"), number_of(m)) for m in messages])


async def test_connections_that_were_forgotten_on_the_way_are_found_long_before_their_timeouts(
    proxy: BrokerBehindProxy, postgres_dsn: str, unique: str
) -> None:
    async with messaging_ground(postgres_dsn, proxy.bootstrap, unique) as ground:
        await ground.make(ground.source, ground.target)
        ground.settings = Patient(ground.settings.bootstrap)
        writer, consumer = await ground.bus(), await ground.bus()
        async with asyncio.TaskGroup() as group, ground.consuming(consumer, {ground.source: pass_on}):
            group.create_task(writer.relay())
            await ground.send(writer, range(50))
            await ground.expect_effects(range(50))
            for start in (50, 100):
                await eventually(lambda: _published(consumer))
                assert await asyncio.to_thread(proxy.forget) > 2
                await ground.send(writer, range(start, start + 50))
                await ground.expect_effects(range(start + 50), 60)
                await eventually(lambda: _published(consumer), 60)
            await writer.stop()
        assert {r.key for r in await ground.published()} == {status_of("", n).key for n in range(150)}


async def test_a_broker_that_is_slow_and_lives_is_not_left(
    proxy: BrokerBehindProxy, postgres_dsn: str, unique: str
) -> None:
    async with messaging_ground(postgres_dsn, proxy.bootstrap, unique) as ground:
        await ground.make(ground.source, ground.target)
        writer, consumer = await ground.bus(), await ground.bus()
        async with ground.consuming(consumer, {ground.source: pass_on}):
            await ground.send(writer, range(50))
            await ground.expect_effects(range(50))
            proxy.delay_s = 1.2  # each way: every answer is late
            for n in range(50, 52):
                await ground.send(writer, [n])
                await asyncio.sleep(2)
            await ground.expect_effects(range(52), 60)
            proxy.delay_s = 0.0
            await eventually(lambda: _published(consumer), 60)
            assert [bus._lookout.closed for bus in (writer, consumer)] == [0, 0]


async def test_a_participant_finds_its_forgotten_connections_and_its_next_task(
    proxy: BrokerBehindProxy, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = NativeKafka(proxy.bootstrap, unique)
    await kafka.create()
    monkeypatch.setattr("lethe_events.acks.ACKS", Topic(kafka.acks, "dsr_id", 0, ()))
    participant = Participant(
        PatientSettings(proxy.bootstrap), processor_id=kafka.processor, controller_id="acme", token_key=b"k" * 32
    )

    @participant.erase
    async def erase(_: Task) -> Result:
        return Result.erased({"parcels": 1})

    async with asyncio.TaskGroup() as group:
        group.create_task(participant.run())
        for n in range(2):
            await kafka.ask(kafka.task(n))
            acks = await kafka.acknowledged(n + 1, 60)
            assert len({ack.task_id for ack in acks}) == n + 1
            await asyncio.sleep(1)  # what is only being opened has but its timeout
            if not n:
                await asyncio.to_thread(proxy.forget)
        participant.stop()
    await kafka.delete()


async def _published(bus: Bus) -> bool:
    return not bus._publisher.waiting
