"""Back-pressure on the real thing: nothing is accepted that cannot be kept, and intake recovers by itself."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from lethe_testkit.ground import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]
BODY: dict[str, Any] = {
    "controller_id": "acme",
    "right": "erasure",
    "identifiers": {"email": ["mina@people.example"]},
    "channel": "api",
    "identity": {"method": "controller_session"},
}


class Site:
    """Sends requests, each with a key of its own, and remembers what was promised."""

    def __init__(self, client: httpx.AsyncClient, ground: IntakeGround) -> None:
        self._client = client
        self._headers = ground.token()
        self._sent = 0
        self.promised: set[str] = set()

    async def post(self) -> httpx.Response:
        self._sent += 1
        headers = {**self._headers, "Idempotency-Key": f"k{self._sent}"}
        answer = await self._client.post("/v1/dsrs", json=BODY, headers=headers)
        if answer.status_code == 202:
            self.promised.add(answer.json()["dsr_id"])
        return answer

    async def is_refused(self, reason: str) -> bool:
        """At once: it is the gate that refuses, not a timeout."""
        await asyncio.sleep(0.05)
        async with asyncio.timeout(20):
            answer = await self.post()
        problem = answer.json()
        return answer.status_code in {429, 503} and problem["type"].endswith(":overloaded") and reason in str(problem)

    async def is_accepted(self) -> bool:
        await asyncio.sleep(0.05)
        return (await self.post()).status_code == 202


@asynccontextmanager
async def locked(dsn: str) -> AsyncIterator[None]:
    """Nobody gets at intake's requests while this is open; its connection ends whatever happens."""
    blocker = await asyncpg.connect(dsn)
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE intake.dsr IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await blocker.close()


async def kept(ground: IntakeGround) -> set[str]:
    return {str(row["dsr_id"]) for row in await ground.admin.fetch("SELECT dsr_id FROM intake.dsr")}


async def test_a_database_that_hangs_is_not_waited_for_by_everybody(ground: IntakeGround) -> None:
    async with ground.running(LETHE_INTAKE_MAX_COMMIT="300ms") as client, asyncio.TaskGroup() as group:
        site = Site(client, ground)
        assert await site.is_accepted()

        async def refusing() -> bool:
            return 'dsr_intake_refusing{reason="database_slow"} 1.0' in (await client.get("/metrics")).text

        async with locked(ground.dsn):
            first = group.create_task(site.post())
            await eventually(refusing, 20)
            refused = await site.post()
            assert refused.json()["type"].endswith(":overloaded")
            assert int(refused.headers["retry-after"]) >= 1
            assert refused.headers["content-type"] == "application/problem+json"
            assert 'dsr_intake_refused_total{reason="database_slow"}' in (await client.get("/metrics")).text
        assert (await first).status_code == 202
        await eventually(site.is_accepted, 10)
    assert site.promised == await kept(ground)


async def test_while_the_database_lets_nobody_in_requests_are_refused_before_they_wait(ground: IntakeGround) -> None:
    name = urlsplit(ground.dsn).path[1:]
    outside = await asyncpg.connect(ground.dsn.replace(f"/{name}", "/postgres"))
    async with ground.running() as client:
        site = Site(client, ground)
        assert await site.is_accepted()
        await outside.execute(f'ALTER ROLE "{ground.role}" CONNECTION LIMIT 0')
        await outside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", ground.role)
        await eventually(lambda: site.is_refused("database_away"), 15)
        assert (await client.get("/livez")).status_code == 200
        await outside.execute(f'ALTER ROLE "{ground.role}" CONNECTION LIMIT -1')
        await eventually(site.is_accepted, 15)
    await outside.close()
    assert site.promised <= await kept(ground)


async def test_without_the_master_keys_nothing_is_accepted_that_could_not_be_sealed(ground: IntakeGround) -> None:
    keys = ground.directory / "keys.json"
    async with ground.running() as client:
        site = Site(client, ground)
        assert await site.is_accepted()
        keys.rename(keys.with_suffix(".away"))
        await eventually(lambda: site.is_refused("vault_away"), 10)
        before = await kept(ground)
        assert (await site.post()).status_code == 503
        assert await kept(ground) == before
        keys.with_suffix(".away").rename(keys)
        await eventually(site.is_accepted, 10)
    assert site.promised <= await kept(ground)


async def test_when_the_outbox_is_full_nothing_is_accepted_until_the_brokers_have_taken_it(
    ground: IntakeGround,
) -> None:
    await ground.admin.execute("SELECT 1")
    async with ground.running(LETHE_KAFKA="127.0.0.1:9", LETHE_INTAKE_MAX_OUTBOX="3") as client:
        site = Site(client, ground)
        await eventually(lambda: site.is_refused("outbox_full"), 20)
        before = await kept(ground)
        assert (await site.post()).headers["retry-after"] == "10"
        assert await kept(ground) == before == site.promised
    async with ground.running(LETHE_INTAKE_MAX_OUTBOX="3") as client:
        again = Site(client, ground)
        again._sent = 1000
        await eventually(again.is_accepted, 20)

        async def all_told() -> bool:
            return site.promised <= {str(r.envelope.id) for r in await ground.requests()}

        await eventually(all_told, 20)
