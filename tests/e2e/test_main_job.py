"""One access and one erasure request, closed end to end on real engines."""

import json
import zipfile
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest

from lethe_client.certificate import read_keys, stands_on, verify, verify_chain
from lethe_events.words import Result, Right
from lethe_example_shop import person_number
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

SEED = 7
_OWED = "WHERE outstanding > 0 AND keep_until IS NOT NULL AND c.customer_no > 'C-100050' ORDER BY l.id LIMIT 1"
pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


def identifiers(number: int) -> dict[str, list[str]]:
    person = person_number(number, SEED)
    return {"email": [person.email], "customer_id": [person.customer_no], "phone_number": [person.phone]}


async def shop(stack: Stack, query: str, *arguments: object) -> object:
    """One value out of the shop's database."""
    connection = await asyncpg.connect(stack.postgres.rsplit("/", 1)[0] + "/shop")
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def test_an_access_request_gives_the_person_everything_and_only_theirs(stack: Stack, tmp_path: Path) -> None:
    async with Journey(stack) as journey:
        dsr_id = await journey.submit(identifiers(3), right=Right.ACCESS)
        dsr = (await journey.until_closed([dsr_id]))[dsr_id]
        path = tmp_path / "package.zip"
        with path.open("wb") as file:
            await journey.intake.package(dsr_id, file)
    assert dsr.package_ready
    with zipfile.ZipFile(path) as package:
        manifest = json.loads(package.read("manifest.json"))
        for file in manifest["files"]:
            assert sha256(package.read(file["path"])).hexdigest() == file["sha256"]
        everything = b"".join(package.read(name) for name in package.namelist()).decode(errors="replace").lower()
    mine, partner = person_number(3, SEED), person_number(4, SEED)
    assert mine.email in everything
    assert partner.email not in everything, "the data of the person who shares the address is somebody else's"


async def test_an_erasure_closes_when_absence_was_seen_and_keeps_what_the_law_keeps(stack: Stack) -> None:
    person = person_number(7, SEED)
    others = "SELECT count(*) FROM shop.customers WHERE lower(email) <> $1"
    before = await shop(stack, others, person.email)
    async with Journey(stack) as journey:
        dsr_id = await journey.submit(identifiers(7))
        dsr = (await journey.until_closed([dsr_id], 90))[dsr_id]
        saga = await journey.oncall.saga(dsr_id)
        document = await journey.oncall.certificate(dsr_id)
        keys = await journey.oncall.keys()
        chain = await journey.oncall.events(dsr_id)
    assert {(t.processor_id, t.verb) for t in saga.tasks} >= {
        ("shop", "erase"),
        ("shop", "verify"),
        ("helpdesk", "erase"),
        ("warehouse", "erase"),
    }
    assert await shop(stack, "SELECT count(*) FROM shop.customers WHERE lower(email) = $1", person.email) == 0
    assert await shop(stack, others, person.email) == before
    assert dsr.result in {Result.GRANTED, Result.PARTIALLY_GRANTED}
    assert bool(dsr.retained) == (dsr.result is Result.PARTIALLY_GRANTED)
    verified = verify(document, read_keys(json.dumps(keys), "GET /v1/keys"))
    stands_on(verified, verify_chain(chain.links))
    assert verified.certificate["result"] == dsr.result


async def test_what_the_law_keeps_is_named_with_ground_article_and_end(stack: Stack) -> None:
    loans = "SELECT {} FROM shop.loans l JOIN shop.customers c ON l.customer_id = c.id " + _OWED
    number = await shop(stack, loans.format("c.customer_no"))
    loan = await shop(stack, loans.format("l.id"))
    async with Journey(stack) as journey:
        dsr_id = await journey.submit({"customer_id": [str(number)]})
        dsr = (await journey.until_closed([dsr_id], 90))[dsr_id]
    assert dsr.result is Result.PARTIALLY_GRANTED
    kept = next(kept for kept in dsr.retained if kept.collection == "loans")
    assert (kept.article, kept.ground, kept.rows) == ("GDPR Art. 17(3)(b)", "legal_obligation", 1)
    assert kept.until is not None
    assert await shop(stack, "SELECT outstanding > 0 FROM shop.loans WHERE id = $1", loan)
    assert not await shop(
        stack,
        "SELECT count(*) FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id WHERE c.customer_no = $1",
        number,
    )


async def test_the_export_is_there_before_anything_is_erased(stack: Stack, tmp_path: Path) -> None:
    async with Journey(stack) as journey:
        dsr_id = await journey.submit(identifiers(11), export_first=True)
        await journey.until_closed([dsr_id], 90)
        chain = await journey.oncall.events(dsr_id)
        with (tmp_path / "p.zip").open("wb") as file:
            assert await journey.intake.package(dsr_id, file) > 0
    contents = [link["content"] for link in chain.links]
    acks = [(c["event"]["ack"]["verb"], c["event"]["ack"]["outcome"]) for c in contents if c["kind"] == "task_acked"]
    assert ("package", "done") in acks
    assert acks.index(("package", "done")) < min(i for i, (verb, _) in enumerate(acks) if verb == "erase")
