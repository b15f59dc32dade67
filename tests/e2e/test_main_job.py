"""One access and one erasure request, closed end to end on real engines."""

import json
import zipfile
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest

from lethe_client.certificate import verify_certificate
from lethe_events.words import Result, Right
from lethe_example_shop import person_number
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

SEED = 7
pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


def identifiers(number: int) -> dict[str, list[str]]:
    person = person_number(number, SEED)
    return {"email": [person.email], "customer_id": [person.customer_no], "phone_number": [person.phone]}


async def shop(stack: Stack) -> asyncpg.Connection:
    return await asyncpg.connect(stack.postgres.rsplit("/", 1)[0] + "/shop")


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
            assert sha256(package.read(file["name"])).hexdigest() == file["sha256"]
        everything = b"".join(package.read(name) for name in package.namelist()).decode(errors="replace").lower()
    mine, partner = person_number(3, SEED), person_number(4, SEED)
    assert mine.email in everything
    assert partner.email not in everything, "the data of the person who shares the address is somebody else's"


async def test_an_erasure_closes_when_absence_was_seen_and_keeps_what_the_law_keeps(stack: Stack) -> None:
    person = person_number(7, SEED)
    db = await shop(stack)
    before = await db.fetchval("SELECT count(*) FROM customers")
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
    assert await db.fetchval("SELECT count(*) FROM customers WHERE lower(email) = $1", person.email) == 0
    assert await db.fetchval("SELECT count(*) FROM customers") >= before - 1
    await db.close()
    assert dsr.result in {Result.GRANTED, Result.PARTIALLY_GRANTED}
    assert bool(dsr.retained) == (dsr.result is Result.PARTIALLY_GRANTED)
    verify_certificate(document, keys, chain=chain)


async def test_what_the_law_keeps_is_named_with_ground_article_and_end(stack: Stack) -> None:
    db = await shop(stack)
    number = await db.fetchval(
        "SELECT c.customer_no FROM customers c JOIN loans l ON l.customer_id = c.id "
        "WHERE c.customer_no > 'C-100050' AND l.repaid_on IS NULL ORDER BY 1 LIMIT 1"
    )
    async with Journey(stack) as journey:
        dsr_id = await journey.submit({"customer_id": [number]})
        dsr = (await journey.until_closed([dsr_id], 90))[dsr_id]
    assert dsr.result is Result.PARTIALLY_GRANTED
    assert {(kept.collection, kept.article) for kept in dsr.retained} >= {("loans", "GDPR Art. 17(3)(b)")}
    assert (
        await db.fetchval(
            "SELECT count(*) FROM loans l JOIN customers c ON l.customer_id = c.id WHERE c.customer_no = $1", number
        )
        >= 0
    )
    await db.close()


async def test_the_export_is_there_before_anything_is_erased(stack: Stack, tmp_path: Path) -> None:
    async with Journey(stack) as journey:
        dsr_id = await journey.submit(identifiers(11), export_first=True)
        await journey.until_closed([dsr_id], 90)
        chain = await journey.oncall.events(dsr_id)
        with (tmp_path / "p.zip").open("wb") as file:
            assert await journey.intake.package(dsr_id, file) > 0
    verbs = [(link["event"], t) for link in map(dict, chain.links) for t in [json.dumps(link)]]
    first_erase = next(i for i, (_, text) in enumerate(verbs) if '"erase"' in text and "acknowledged" in text.lower())
    package = next(i for i, (_, text) in enumerate(verbs) if '"package"' in text and "acknowledged" in text.lower())
    assert package < first_erase
