from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from lethe_chassis import HealthChecks, Unhealthy

T0 = datetime(2026, 1, 1, tzinfo=UTC)


async def test_ready_means_started_not_stopping_and_every_check_good() -> None:
    health = HealthChecks(keep_s=-1)
    health.add("postgres", lambda: {"connections": 3})
    assert (await health.report())[0] is False
    health.started = True
    ready, report = await health.report()
    assert ready
    assert report["components"] == {
        "postgres": {"state": "ok", "since": report["components"]["postgres"]["since"], "connections": 3}  # type: ignore[index]
    }
    health.stopping = True
    ready, report = await health.report()
    assert not ready
    assert report["state"] == "stopping"


async def test_a_failing_component_says_why_and_since_when_without_texts_of_libraries() -> None:
    clock = [T0]
    health = HealthChecks(keep_s=-1, now=lambda: clock[0])
    health.started = True
    errors: list[Exception] = [Unhealthy("the broker does not answer"), OSError("connect to anna@db.example failed")]

    async def broker() -> None:
        if errors:
            raise errors[0]

    health.add("kafka", broker)
    _, report = await health.report()
    assert report["components"] == {
        "kafka": {"state": "failing", "since": T0.isoformat(), "reason": "the broker does not answer"}
    }
    errors.pop(0)
    clock[0] = T0.replace(hour=1)
    _, report = await health.report()
    assert report["components"]["kafka"]["reason"] == "OSError"  # type: ignore[index]
    assert report["components"]["kafka"]["since"] == T0.isoformat()  # type: ignore[index]
    errors.pop(0)
    ready, report = await health.report()
    assert ready
    assert report["components"]["kafka"]["since"] == T0.replace(hour=1).isoformat()  # type: ignore[index]


async def test_a_check_that_hangs_is_a_failure_not_a_hanging_probe() -> None:
    health = HealthChecks(timeout_s=0.01)
    health.add("postgres", lambda: asyncio.Event().wait())  # type: ignore[arg-type,return-value]
    _, report = await health.report()
    assert "no answer within" in report["components"]["postgres"]["reason"]  # type: ignore[index]


@pytest.mark.parametrize(("age", "calls"), [(0.5, 1), (1.5, 2)])
async def test_results_are_kept_for_a_moment(age: float, calls: int) -> None:
    now, seen = [0.0], []
    health = HealthChecks(keep_s=1.0, clock=lambda: now[0])
    health.add("x", lambda: seen.append(1))
    await health.report()
    now[0] = age
    await health.report()
    assert len(seen) == calls


async def test_a_part_that_tells_its_trouble_instead_of_raising_fails_too() -> None:
    facts: dict[str, object] = {"ok": False, "trouble": {"kafka": "away"}, "lag": 7}
    health = HealthChecks(keep_s=-1)
    health.started = True
    health.add("bus", lambda: facts)
    ready, report = await health.report()
    assert not ready
    assert report["components"]["bus"]["reason"] == "in trouble: {'kafka': 'away'}"  # type: ignore[index]
    assert report["components"]["bus"]["lag"] == 7  # type: ignore[index]
    facts["ok"] = True
    assert (await health.report())[0]
