"""Drill: the log holds messages of superseded versions, and a version that this code does not know yet.

The golden files say that each past version can be read; this says that whole sagas come of them, on a real broker.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import pytest

from lethe_events import Record
from lethe_events.upcast import STEPS
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_testkit.orchestrator import OrchestratorGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]
FIRST, SECOND, TODAY = "lethe.dsr.received.v-1", "lethe.dsr.received.v0", "lethe.dsr.received.v1"


def to_second(body: dict[str, Any]) -> dict[str, Any]:
    """It told the country in a sentence of its own."""
    return {**body, "country": body.pop("place")["country"]}


def to_today(body: dict[str, Any]) -> dict[str, Any]:
    """The right was called what is asked."""
    return {**body, "right": body.pop("asks_for")}


def as_first(body: dict[str, Any]) -> dict[str, Any]:
    return as_second({**body, "place": {"country": body.pop("country")}})


def as_second(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "asks_for": body.pop("right")}


@pytest.fixture
async def ground(
    postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path
) -> AsyncIterator[OrchestratorGround]:
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        made.register("shop")
        yield made


async def send_as(ground: OrchestratorGround, type_: str, rewrite: Any, count: int) -> None:
    """What today's intake would say, in the words of an older one."""
    told: list[Record] = []
    bus = ground.bus
    ground.bus = _Catching(bus, told)  # type: ignore[assignment]
    await ground.receive(count)
    ground.bus = bus
    await ground.send(
        [
            Record(
                r.topic,
                r.key,
                json.dumps(rewrite(json.loads(r.value))).encode(),
                tuple((k, type_.encode() if k == "ce_type" else v) for k, v in r.headers),
            )
            for r in told
        ]
    )


class _Catching:
    """A bus whose work keeps what it is to send."""

    def __init__(self, bus: Any, told: list[Record]) -> None:
        self._bus = bus
        self._told = told

    def work(self) -> Any:
        return _CatchingWork(self._bus.work(), self._told)


class _CatchingWork:
    def __init__(self, work: Any, told: list[Record]) -> None:
        self._work = work
        self._told = told

    async def __aenter__(self) -> Self:
        self.tx = (await self._work.__aenter__()).tx
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._work.__aexit__(*error)

    def send(self, records: Any) -> None:
        self._told += list(records)


async def count(ground: OrchestratorGround, sql: str) -> int:
    return int((await ground.fetch(f"SELECT count(*) AS n FROM {sql}"))[0]["n"])


async def until(ground: OrchestratorGround, sql: str, number: int) -> None:
    async def so_many() -> bool:
        return await count(ground, sql) == number

    await eventually(so_many, 40)


async def test_sagas_come_of_every_version_and_reading_the_log_again_changes_nothing(
    ground: OrchestratorGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STEPS, FIRST, (SECOND, to_second))
    monkeypatch.setitem(STEPS, SECOND, (TODAY, to_today))
    async with ground.running(), ground.processors():
        await send_as(ground, FIRST, as_first, 4)
        await send_as(ground, SECOND, as_second, 4)
        await ground.receive(4)
        await until(ground, "saga WHERE closed_at IS NOT NULL", 12)
        links = await count(ground, "audit_event")
    await ground.fetch("UPDATE consumer_offset SET next_offset = 0, owner_epoch = owner_epoch + 1")
    read = "consumer_offset WHERE topic LIKE '%requests' AND next_offset > 0"
    async with ground.running():
        await until(ground, f"(SELECT 1 FROM {read} HAVING sum(next_offset) = 12) d", 1)
    assert await count(ground, "audit_event") == links
    assert await count(ground, "parked_message") == 0


async def test_a_version_of_tomorrow_is_kept_for_the_code_that_knows_it(
    ground: OrchestratorGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance of before reads what one of tomorrow wrote: it puts it aside, and everything else goes on."""
    async with ground.running() as client, ground.processors():
        await send_as(ground, SECOND, as_second, 3)
        await ground.receive(3)
        await until(ground, "saga WHERE closed_at IS NOT NULL", 3)
        await until(ground, "parked_message WHERE code = 'unknown_type'", 3)
        monkeypatch.setitem(STEPS, SECOND, (TODAY, to_today))
        retry = {"topic": ground.topics.requests.name, "code": "unknown_type", "reason": "rolled_out"}
        answer = await client.post("/v1/messaging/parked/retry", json=retry, headers=ground.auth())
        assert answer.json() == {"count": 3}, answer.text
        await until(ground, "saga WHERE closed_at IS NOT NULL", 6)
