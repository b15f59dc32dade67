"""What tells the gate how long transactions take, and what the gate makes of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from prometheus_client import CollectorRegistry

from intake.adapters.meters import PrometheusMeters
from intake.application.overload import Gate, TimedDesk
from intake.domain.errors import Overloaded
from intake.domain.overload import Limits, Load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Desk:
    @asynccontextmanager
    async def work(self) -> AsyncIterator[Any]:
        yield object()


def timed(clock: Clock) -> TimedDesk:
    return TimedDesk(cast("Any", Desk()), clock=clock)


async def test_a_transaction_that_hangs_is_seen_before_it_ends() -> None:
    clock = Clock()
    desk = timed(clock)
    assert desk.slowest_s == 0
    async with desk.work():
        clock.now += 3
        async with desk.work():
            clock.now += 1
            assert desk.slowest_s == 4
        assert desk.slowest_s == 4
    assert desk.slowest_s == 4


async def test_a_slow_transaction_counts_for_a_moment_and_then_requests_are_let_in_again() -> None:
    clock = Clock()
    desk = timed(clock)

    async def slow() -> None:
        async with desk.work():
            clock.now += 5
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        await slow()
    clock.now += 0.9
    assert desk.slowest_s == 5
    clock.now += 0.2
    assert desk.slowest_s == 0


async def test_the_gate_opens_again_by_itself_and_its_state_is_measured() -> None:
    registry = CollectorRegistry()
    loads = [Load(slowest_s=9)]
    gate = Gate(lambda: loads[0], PrometheusMeters(registry), Limits(waiting=3), every_s=0)

    def refusing(reason: str) -> float | None:
        return registry.get_sample_value("dsr_intake_refusing", {"reason": reason})

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(gate.watch())
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="database_slow"):
            gate.admit(0)
        assert (refusing("database_slow"), refusing("outbox_full")) == (1, 0)
        loads[0] = Load()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.admit(2)
        with pytest.raises(Overloaded, match="too_many_waiting"):
            gate.admit(3)
        assert refusing("database_slow") == 0
        watching.cancel()
    assert registry.get_sample_value("dsr_intake_refused_total", {"reason": "too_many_waiting"}) == 1
