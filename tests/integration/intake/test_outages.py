"""Engines that go away: what callers are told, and that nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from lethe_testkit.ground import eventually
from lethe_testkit.proxy import commit_proxy

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
NOBODY = "127.0.0.1:9"  # no broker listens on the port of discard


async def post(client: httpx.AsyncClient, ground: IntakeGround, key: str) -> httpx.Response:
    return await client.post("/v1/dsrs", json=BODY, headers={**ground.token(), "Idempotency-Key": key})


class Line:
    """A line to PostgreSQL that can be cut and mended."""

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self.port = 0
        self.up = True
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self.up = False
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.up:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        except BaseException:
            writer.transport.abort()  # or the garbage collector finds it when the loop is gone
            raise
        self._open.add(back)
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, back))
            group.create_task(_pump(there, writer))
        self._open -= {writer, back}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def line_to(dsn: str) -> AsyncIterator[Line]:
    line = Line(dsn)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await asyncio.sleep(0)  # what was accepted just now begins, and so is known
        line.cut()
        await asyncio.sleep(0)


async def test_while_postgres_is_away_callers_are_told_to_come_back_and_then_served(ground: IntakeGround) -> None:
    dsn = ground.environment()["LETHE_POSTGRES"]
    async with line_to(dsn) as line:
        through = dsn.replace(f":{urlsplit(dsn).port}/", f":{line.port}/")
        async with ground.running(LETHE_POSTGRES=through) as client:
            assert (await post(client, ground, "before")).status_code == 202
            line.cut()
            answers = [await post(client, ground, f"away-{n}") for n in range(3)]
            reading = await client.get("/v1/dsrs", headers=ground.token())
            for answer in [*answers, reading]:
                assert answer.status_code == 503
                assert answer.json()["type"] == "urn:lethe:problem:unavailable"
                assert int(answer.headers["retry-after"]) >= 1
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/livez")).status_code == 200
            assert (await ground.counts())["dsr"] == 1
            line.up = True
            await eventually(lambda: _accepted(client, ground, "away-0"), 20)
        assert await ground.counts() == {"dsr": 2, "sealed": 2}
    assert len({r.envelope.id for r in await ground.requests()}) == 2


async def test_a_commit_of_unknown_outcome_is_told_as_such_and_sent_again_without_doubling(
    ground: IntakeGround,
) -> None:
    async with (
        commit_proxy(ground.environment()["LETHE_POSTGRES"]) as proxy,
        ground.running(LETHE_POSTGRES=proxy.dsn) as client,
    ):
        proxy.armed = True
        answers = [await post(client, ground, f"k{n}") for n in range(9)]
        proxy.armed = False
        assert proxy.cut_before >= 1
        assert proxy.cut_after >= 1
        assert {a.status_code for a in answers} == {202, 503}
        again = [await post(client, ground, f"k{n}") for n in range(9)]
        assert {a.status_code for a in again} == {202}
        for first, second in zip(answers, again, strict=True):
            assert first.status_code == 503 or first.content == second.content
        assert await ground.counts() == {"dsr": 9, "sealed": 9}
        await eventually(lambda: _told(ground, 9), 20)
    assert len({r.envelope.id for r in await ground.requests()}) == 9


async def test_without_brokers_requests_are_accepted_and_told_later(ground: IntakeGround) -> None:
    async with ground.running(LETHE_KAFKA=NOBODY) as client:
        assert (await post(client, ground, "k")).status_code == 202
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert "requests are accepted and wait" in ready.json()["components"]["start"]["reason"]
        assert await ground.admin.fetchval("SELECT count(*) FROM intake.outbox") == 1
    assert await ground.requests() == []
    async with ground.running():
        await eventually(lambda: _told(ground, 1), 20)


async def test_when_brokers_stay_away_beyond_the_bound_nothing_more_is_accepted(ground: IntakeGround) -> None:
    async with ground.running(LETHE_KAFKA=NOBODY, LETHE_INTAKE_MAX_OUTBOX_AGE="1s") as client:
        assert (await post(client, ground, "k")).status_code == 202
        await eventually(lambda: _refused(client, ground), 20)
        refusal = await post(client, ground, "late")
        assert refusal.json()["type"] == "urn:lethe:problem:overloaded"
        assert refusal.headers["retry-after"] == "30"
        stored = (await ground.counts())["dsr"]
        assert (await post(client, ground, "later")).status_code == 503
        assert (await ground.counts())["dsr"] == stored
        assert (await client.get("/v1/dsrs", headers=ground.token())).status_code == 200


async def _accepted(client: httpx.AsyncClient, ground: IntakeGround, key: str) -> bool:
    return (await post(client, ground, key)).status_code == 202


async def _refused(client: httpx.AsyncClient, ground: IntakeGround) -> bool:
    await asyncio.sleep(0.2)
    return (await post(client, ground, "k")).status_code == 503


async def _told(ground: IntakeGround, count: int) -> bool:
    return len({r.envelope.id for r in await ground.requests()}) >= count
