"""A portable copy goes to another controller once it is there, once, and what came of it is shown."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from intake.adapters.transmissions import PostgresTransmissions
from intake.adapters.transmitting import HttpsSender
from intake.application.transmit import Transmissions
from intake.domain.transmission import FIRST_PAUSE, Target
from lethe_postgres import Database
from lethe_testkit.intake import intake_ground
from lethe_vault import Identifiers, Sealing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

TARGETS = {"other": Target("other", "Other", "https://other.example/in", frozenset({"acme"}))}
DSR = UUID("0198c0de-7a11-7000-8000-5e1f00000001")
DOCUMENT = UUID("0198c0de-7a11-7000-8000-5e1f00000002")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
COPY = b"what she gave us"


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[IntakeGround]:
    async with intake_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        async with made.running():
            pass  # makes the tables
        await row(made)
        yield made


@pytest.fixture
async def database(ground: IntakeGround) -> AsyncIterator[Database]:
    dsn = ground.environment()["LETHE_POSTGRES"]
    made = await Database.connect(dsn, schema="intake", min_size=1, application_name="test")
    yield made
    await made.close()


async def row(ground: IntakeGround, dsr_id: UUID = DSR) -> None:
    await ground.admin.execute(
        "INSERT INTO intake.dsr (controller_id, dsr_id, idempotency_key, fingerprint, right_asked, export_first,"
        " channel, country, regime, identity, identifier_kinds, received_at, accepted_at, due_strict, due_legal,"
        " due_date, rule)"
        " VALUES ('acme', $1, substr(uuid_send($1), 1, 16), decode(repeat('00', 32), 'hex'), 'portability', false,"
        " 'api', 'DE', 'gdpr', 'controller_session', 'email', $2, $2, $2, $2, $2::timestamptz::date, 'r')",
        dsr_id,
        NOW,
    )
    await ground.admin.execute(
        "INSERT INTO intake.transmission (controller_id, dsr_id, target) VALUES ('acme', $1, 'other')", dsr_id
    )


async def package(ground: IntakeGround, database: Database) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield COPY

    await ground.admin.execute(
        "UPDATE intake.dsr SET told = $2::jsonb WHERE dsr_id = $1",
        DSR,
        json.dumps({"package": {"document_id": str(DOCUMENT)}}),
    )
    async with database.transaction() as tx:
        await ground.vault.seal(tx, [Sealing(DSR, DSR, "acme", Identifiers({"email": ("a@people.example",)}))])
    await ground.vault.put_document(DSR, "package.zip", "application/zip", content(), document_id=DOCUMENT)


class Other:
    """Another controller's endpoint: answers in turn."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[bytes, str]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.got.append((await request.aread(), request.headers["Idempotency-Key"]))
        return httpx.Response(self.statuses.pop(0), content=b"receipt")


async def step(ground: IntakeGround, database: Database, other: Other, now: datetime) -> int:
    sender = HttpsSender(httpx.MockTransport(other))
    try:
        return await Transmissions(PostgresTransmissions(database), ground.vault, TARGETS, sender).step(now)
    finally:
        await sender.aclose()


async def stored(ground: IntakeGround) -> dict[str, Any]:
    return dict(await ground.admin.fetchrow("SELECT * FROM intake.transmission WHERE dsr_id = $1", DSR) or {})


async def test_a_copy_is_sent_when_it_is_there_again_after_an_error_and_never_after_a_receipt(
    ground: IntakeGround, database: Database
) -> None:
    other = Other(503, 201)
    assert await step(ground, database, other, NOW) == 0, "there is no copy yet"
    await package(ground, database)
    assert await step(ground, database, other, NOW) == 1
    assert ((await stored(ground))["state"], (await stored(ground))["problem"]) == ("waiting", "http_503")
    assert await step(ground, database, other, NOW + FIRST_PAUSE / 2) == 0, "its pause is not over"
    assert await step(ground, database, other, NOW + FIRST_PAUSE) == 1
    found = await stored(ground)
    assert (found["state"], found["http_status"], found["attempts"]) == ("transmitted", 201, 2)
    assert found["receipt_sha256"] == hashlib.sha256(b"receipt").hexdigest()
    assert await step(ground, database, other, NOW + timedelta(days=9)) == 0
    assert other.got == [(COPY, str(DSR)), (COPY, str(DSR))]


async def test_two_instances_never_send_the_same_copy_at_once(ground: IntakeGround, database: Database) -> None:
    await package(ground, database)
    ledger = PostgresTransmissions(database)
    (first,) = await ledger.claim(NOW)
    assert await ledger.claim(NOW + timedelta(minutes=5)) == []
    (second,) = await ledger.claim(NOW + timedelta(minutes=11))
    assert (first.attempts, second.attempts) == (1, 2), "a dead instance's lease ends"


@pytest.mark.parametrize("change", ["withdrawn_at = now()", "state = 'closed', told = '{}'"])
async def test_nothing_is_sent_of_a_request_that_was_taken_back_or_ended_without_a_copy(
    ground: IntakeGround, database: Database, change: str
) -> None:
    await package(ground, database)
    await ground.admin.execute(f"UPDATE intake.dsr SET {change}")
    other = Other()
    assert await step(ground, database, other, NOW) == 0
    assert (await stored(ground))["state"] == "none"


async def test_a_target_that_is_no_longer_listed_is_for_a_person(ground: IntakeGround, database: Database) -> None:
    await package(ground, database)
    await ground.admin.execute("UPDATE intake.transmission SET target = 'gone'")
    assert await step(ground, database, Other(), NOW) == 1
    assert ((await stored(ground))["state"], (await stored(ground))["problem"]) == ("refused", "target_removed")
