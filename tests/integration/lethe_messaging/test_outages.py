"""Engines of their own are killed under load: all resumes by itself, nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lethe_local import control
from lethe_local.processes import records
from lethe_local.stack import envfile
from lethe_messaging import Tuning
from lethe_messaging.logs import calm_aiokafka
from lethe_testkit.engines import VARIABLE, private_state
from lethe_testkit.ground import Ground, eventually, messaging_ground, number_of, record_effects, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lethe_local.state import State
    from lethe_messaging import Bus, Message, Work
    from lethe_testkit.engines import Engine

PARTITIONS = 8
TOTAL = 6000


class OwnEngine:
    """An engine that may be killed. Its supervisor starts it again, at once or when it is let go."""

    def __init__(self, engine: Engine, state: State) -> None:
        self.address = envfile.read(state)[VARIABLE[engine]]
        self._state = state
        self._engine = engine

    def kill(self) -> None:
        """And keep it down."""
        (self._state.run / f"{self._engine}.hold").touch()
        pid = records.running(self._state, self._engine)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def let_go(self) -> None:
        (self._state.run / f"{self._engine}.hold").unlink()


@contextmanager
def own_engine(engine: Engine) -> Iterator[OwnEngine]:
    with private_state() as state:
        supervisor = control.spawn(state, [f"--only={engine}", "--free-ports"], tied=True)
        try:
            control.wait_ready(state, supervisor, lambda _: None)
            yield OwnEngine(engine, state)
        finally:
            control.stop(supervisor, state)


async def slow_handler(work: Work, messages: Sequence[Message]) -> None:
    await asyncio.sleep(0.005)
    await record_effects(work, messages)
    work.send([status_of(messages[0].topic.replace("source", "target"), number_of(m)) for m in messages])


async def expect_everything(ground: Ground) -> None:
    await ground.expect_effects(range(TOTAL), 60)
    rows = await ground.database.fetch("SELECT part, record_offset FROM effect ORDER BY id")
    for part in range(PARTITIONS):
        offsets = [row["record_offset"] for row in rows if row["part"] == part]
        assert offsets == list(range(len(offsets)))
    await eventually(lambda: _drained(ground), 30)
    assert {r.key for r in await ground.published()} == {status_of("", n).key for n in range(TOTAL)}


@pytest.mark.timeout(180)
async def test_a_broker_that_dies_under_load_costs_time_only(
    postgres_dsn: str, unique: str, caplog: pytest.LogCaptureFixture
) -> None:
    calm_aiokafka()
    with own_engine("kafka") as kafka:
        async with messaging_ground(postgres_dsn, kafka.address, unique) as ground:
            await ground.make(ground.source, ground.target, partitions=PARTITIONS)
            bus = await ground.bus(Tuning(batch=50, queue=200, stuck_after=4))
            async with asyncio.TaskGroup() as group, ground.consuming(bus, {ground.source: slow_handler}):
                group.create_task(bus.relay())
                sending = group.create_task(_send_all(ground, bus))
                await eventually(lambda: _effects(ground, 500), 20)
                with caplog.at_level(logging.WARNING):
                    kafka.kill()
                    await asyncio.sleep(6)
                    await eventually(lambda: _unwell(bus), 10)
                    noise = [r for r in caplog.records if r.name.startswith("aiokafka")]
                    assert len(noise) < 60
                kafka.let_go()
                await sending
                await expect_everything(ground)
                await eventually(lambda: _healthy(bus), 10)


@pytest.mark.timeout(180)
async def test_a_database_that_dies_under_load_costs_time_only(kafka_bootstrap: str, unique: str) -> None:
    with own_engine("postgres") as postgres:
        async with messaging_ground(postgres.address, kafka_bootstrap, unique) as ground:
            await ground.make(ground.source, ground.target, partitions=PARTITIONS)
            bus, other = await ground.bus(Tuning(batch=20)), await ground.bus(Tuning(batch=20))
            await _send_all(ground, bus)
            async with (
                asyncio.TaskGroup() as group,
                ground.consuming(bus, {ground.source: slow_handler}),
                ground.consuming(other, {ground.source: slow_handler}),
            ):
                group.create_task(bus.relay())
                for done in (500, 2000):
                    await eventually(lambda n=done: _effects(ground, n), 30)  # type: ignore[misc]
                    postgres.kill()
                    await asyncio.sleep(1)
                    postgres.let_go()
                    await eventually(lambda: _answers(ground), 30)
                await expect_everything(ground)
                await eventually(lambda: _healthy(bus), 10)


async def _send_all(ground: Ground, bus: Bus) -> None:
    for start in range(0, TOTAL, 20):
        await ground.send(bus, range(start, start + 20))
        await asyncio.sleep(0.005)


async def _effects(ground: Ground, count: int) -> bool:
    return bool(await ground.database.fetchval("SELECT count(*) >= $1 FROM effect", count))


async def _answers(ground: Ground) -> bool:
    try:
        return bool(await ground.database.fetchval("SELECT true"))
    except Exception:
        return False


async def _drained(ground: Ground) -> bool:
    return not await ground.database.fetchval("SELECT EXISTS (SELECT FROM outbox)")


async def _unwell(bus: Bus) -> bool:
    return not bus.health()["ok"]


async def _healthy(bus: Bus) -> bool:
    return bool(bus.health()["ok"])
