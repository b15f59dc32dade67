"""Unique values are planted in every input; after a full run they are in the vault and the processors, nowhere else."""

import base64
import contextlib

import asyncpg
import httpx
import pytest

from lethe_events.words import Right
from lethe_example_shop import person_number
from lethe_testkit.journey import Journey
from lethe_testkit.scanner import Scanner
from lethe_testkit.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]
SEED = 7


async def _plant_bad_input(stack: Stack, unique: str) -> list[str]:
    """Values in requests that are refused: an error must not carry them anywhere either."""
    planted = [f"refused-{unique}@mail.example", f"+49-not-a-phone-{unique}", f"unknown-right-{unique}"]
    body = {
        "controller_id": "acme",
        "right": planted[2],
        "identifiers": {"email": [planted[0]], "phone_number": [planted[1]]},
        "channel": "api",
    }
    headers = {"Authorization": f"Bearer {stack.token()}", "Idempotency-Key": unique}
    async with httpx.AsyncClient(base_url=stack.url("intake"), headers=headers) as client:
        assert (await client.post("/v1/dsrs", json=body)).status_code == 422
        with contextlib.suppress(httpx.HTTPError):
            await client.get(f"/v1/dsrs/{planted[0]}")
        await client.post(
            "/v1/dsrs", content=b"{broken " + planted[0].encode(), headers={"Content-Type": "application/json"}
        )
    return planted


async def test_planted_values_are_found_nowhere_but_in_the_vault_and_the_processors(stack: Stack, unique: str) -> None:
    person = person_number(21, SEED)
    note = f"planted-note-{unique}"
    name = f"Plantedname{unique}"
    shop = await asyncpg.connect(stack.postgres.rsplit("/", 1)[0] + "/shop")
    await shop.execute("UPDATE shop.customers SET first_name = $1 WHERE lower(email) = $2", name, person.email)
    await shop.close()
    unknown = f"nobody-{unique}@mail.example"
    refused = await _plant_bad_input(stack, unique)
    async with Journey(stack) as journey:
        ids = [
            await journey.submit(
                {"email": [person.email], "customer_id": [person.customer_no], "phone_number": [person.phone]},
                right=Right.ACCESS,
            ),
            await journey.submit({"email": [unknown]}, export_first=True, note=note),
        ]
        await journey.until_closed(ids, 90)
        erasure = await journey.submit({"email": [person.email], "customer_id": [person.customer_no]})
        await journey.until_closed([erasure], 90)
    planted = [person.email, person.customer_no, person.phone, name, note, unknown, *refused]
    planted += [base64.b64encode(person.email.encode()).decode().rstrip("=")]
    scanner = Scanner(planted)
    topics, records = await scanner.topics(stack.kafka)
    tables, rows = await scanner.tables(stack.database())
    assert {t: n for t, n in records.items() if t.startswith("dsr.")} and records["dsr.acks"] >= 6
    assert rows["orchestrator.saga"] >= 3
    assert topics + tables + scanner.logs(stack) + await scanner.metrics(stack) == []


async def test_the_scanner_finds_what_is_there(stack: Stack) -> None:
    """A scanner that cannot find anything proves nothing."""
    person = person_number(25, SEED)
    found, _ = await Scanner([person.email]).tables(stack.postgres.rsplit("/", 1)[0] + "/shop")
    assert found
