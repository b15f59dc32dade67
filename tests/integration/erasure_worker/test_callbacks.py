"""A vendor that calls back, against the worker as a process: whatever order, each task is answered once, and truly."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from lethe_events.words import FailureKind, Grade, Method, Outcome, Verb
from lethe_example_shop.person import person_number
from lethe_local.processes.ports import HOST, free_ports
from lethe_testkit.newsletter import HOOK_SECRET, SEED, describe, environment, newsletter
from lethe_testkit.tasks import person, task
from lethe_testkit.workers import WorkerGround, worker_ground
from lethe_vault import Identifiers, Sealing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from lethe_events import TaskAcknowledged
    from lethe_example_newsletter.vendor import Vendor

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]


class Desk:
    """The worker, the vendor, and the way from the one to the other."""

    def __init__(self, ground: WorkerGround, vendor: Vendor, port: int) -> None:
        self.ground = ground
        self.vendor = vendor
        self.url = f"http://{HOST}:{port}/v1/callbacks/newsletter"

    async def ask(self, *numbers: int) -> None:
        people = [person_number(n, SEED) for n in numbers]
        sealings = [
            Sealing(
                person(p.number),
                person(p.number),
                "acme",
                Identifiers({"email": (p.email,), "customer_id": (p.customer_no,)}),
                note=None,
            )
            for p in people
        ]
        async with self.ground.database.transaction() as tx:
            await self.ground.vault.seal(tx, sealings)
        await self.ground.ask([task("newsletter", Verb.ERASE, n) for n in numbers])

    async def call(self, body: bytes, headers: dict[str, str] | None = None) -> int:
        told = self.vendor.signed(body, str(int(time.time()))) if headers is None else headers
        async with httpx.AsyncClient(timeout=20) as client:
            return (await client.post(self.url, content=body, headers=told)).status_code


@pytest.fixture
async def desk(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[Desk]:
    (port,) = free_ports(1)
    async with (
        newsletter() as (vendor, url),
        worker_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as ground,
    ):
        desk = Desk(ground, vendor, port)
        describe(tmp_path / "register")
        worker = await ground.start("erasure_worker", **environment(url, desk.url), LETHE_HTTP=f"{HOST}:{port}")
        await worker.port()
        yield desk


def by_task(acks: list[TaskAcknowledged]) -> dict[UUID, list[TaskAcknowledged]]:
    found: dict[UUID, list[TaskAcknowledged]] = {}
    for ack in acks:
        found.setdefault(ack.dsr_id, []).append(ack)
    return found


async def test_what_was_promised_is_acknowledged_when_the_vendor_calls_and_a_second_call_changes_nothing(
    desk: Desk,
) -> None:
    desk.vendor.terms.deletion_seconds = 1.0
    await desk.ask(1, 2, 3)
    acks = by_task(await desk.ground.expect_acks(6))
    for answers in acks.values():
        promised, kept = answers
        assert (promised.outcome, kept.outcome) == (Outcome.ACCEPTED, Outcome.DONE)
        assert kept.attempt == promised.attempt
        assert kept.grade is Grade.ATTESTED, "the vendor says so: whether it is true, verify looks"
        assert [(c.collection, c.method, c.rows) for c in kept.counts] == [("contacts", Method.ERASED, 1)]
        assert "vendor_called_back" in {e.kind for e in kept.evidence}
    assert len(desk.vendor.contacts) == 297
    (_, body, headers) = desk.vendor.sent[0]
    assert await desk.call(body, headers) == 204, "sent again within the window"
    await desk.ground.ask([task("newsletter", Verb.ERASE, 1)])
    again = by_task(await desk.ground.expect_acks(7))[person(1)]
    assert again[2] in acks[person(1)], "delivered again, the same is said, to the byte"


async def test_a_call_that_comes_before_its_job_is_on_record_is_not_lost(desk: Desk) -> None:
    """The vendor is quicker than the worker's own transaction."""
    body = json.dumps({"erasure": {"id": "er-1", "state": "deleted"}}).encode()
    assert await desk.call(body) == 204
    desk.vendor.terms.deletion_seconds = 60
    await desk.ask(1)
    acks = await desk.ground.expect_acks(2)
    assert {a.outcome for a in acks} == {Outcome.ACCEPTED, Outcome.DONE}


async def test_a_job_that_failed_is_asked_again(desk: Desk) -> None:
    desk.vendor.terms.outcome = "failed"
    await desk.ask(1)
    _, failed = await desk.ground.expect_acks(2)
    assert failed.failure is not None
    assert (failed.outcome, failed.failure.kind, failed.failure.code) == (
        Outcome.FAILED,
        FailureKind.TRANSIENT,
        "vendor_job_failed",
    )
    desk.vendor.terms.outcome = "deleted"
    await desk.ground.ask([task("newsletter", Verb.ERASE, 1, attempt=2)])
    acks = await desk.ground.expect_acks(4)
    assert {a.outcome for a in acks if a.attempt == 2} == {Outcome.ACCEPTED, Outcome.DONE}
    assert "c-1" not in desk.vendor.contacts


async def test_nobody_else_can_say_that_a_job_is_done(desk: Desk) -> None:
    desk.vendor.terms.deletion_seconds = 60
    await desk.ask(1)
    await desk.ground.expect_acks(1)
    body = json.dumps({"erasure": {"id": "er-1", "state": "deleted"}}).encode()
    now = str(int(time.time()))
    stale = desk.vendor.signed(body, str(int(time.time()) - 3600))
    other = {**desk.vendor.signed(body.replace(b"er-1", b"er-2"), now)}
    for headers in ({}, {"authorization": "Bearer x"}, stale, other):
        assert await desk.call(body, headers) == 401
    assert await desk.call(b'{"erasure": {}}') == 422
    assert await desk.call(b"x" * 70_000) == 413
    async with httpx.AsyncClient() as client:
        for unknown in ("nobody", "shop"):
            assert (await client.post(desk.url.replace("newsletter", unknown), content=body)).status_code == 404
        told = await client.get(desk.url.replace("/v1/callbacks/newsletter", "/metrics"))
    assert 'dsr_vendor_callbacks_total{processor="newsletter",result="outside_window"} 1.0' in told.text
    assert HOOK_SECRET not in told.text
    assert len(await desk.ground.acks()) == 1
    assert await desk.call(body) == 204
    assert len(await desk.ground.expect_acks(2)) == 2


async def test_many_calls_at_once_for_one_job_end_it_once(desk: Desk) -> None:
    desk.vendor.terms.deletion_seconds = 60
    await desk.ask(1)
    await desk.ground.expect_acks(1)
    body = json.dumps({"erasure": {"id": "er-1", "state": "deleted"}}).encode()
    assert set(await asyncio.gather(*(desk.call(body) for _ in range(20)))) == {204}
    await desk.ground.expect_acks(2)
    await desk.ask(2)
    acks = await desk.ground.expect_acks(3)
    assert len([a for a in acks if a.dsr_id == person(1)]) == 2
