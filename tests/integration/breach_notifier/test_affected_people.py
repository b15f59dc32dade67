"""Whom a breach concerns, on real rows and real messages: exact sets, honest bounds, whatever dies."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from breach_notifier.application.crash_points import PEOPLE_CRASH_POINTS
from lethe_events.subject_token import people_of, subject_token
from lethe_events.words import SubjectEventKind
from lethe_messaging import read_all
from lethe_testkit.ground import eventually
from lethe_testkit.people_ground import CASE, INCIDENT, people_ground
from lethe_testkit.tasks import email
from lethe_vault import Gone, Identifiers, Sealing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from lethe_testkit.people_ground import PeopleGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(150)]
NOW = datetime.now(UTC)
WINDOW = (NOW - timedelta(days=20), NOW - timedelta(days=10))
CREATED, UPDATED, ERASED = SubjectEventKind.CREATED, SubjectEventKind.UPDATED, SubjectEventKind.ERASED


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[PeopleGround]:
    async with people_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        yield made


def days(n: float) -> datetime:
    return NOW - timedelta(days=n)


async def refs(ground: PeopleGround, people: Iterable[int]) -> set[str]:
    key = await ground.vault.processor_key(people_of("acme"))
    return {subject_token(key, "email", email(n)) for n in people}


async def concerned(ground: PeopleGround, number: int, part: str, *, certain: bool) -> set[str]:
    sql = "SELECT subject FROM concerned WHERE number = $1 AND part = $2 AND certain = $3"
    return {row["subject"] for row in await ground.notifier_rows(sql, number, part, certain)}


async def settled(ground: PeopleGround, sql: str, wanted: int) -> None:
    async def there() -> bool:
        return bool((await ground.notifier_rows(sql))[0][0] == wanted)

    await eventually(there, 30)


async def test_people_of_product_services_are_exactly_those_of_whom_data_was_held_in_the_window(
    ground: PeopleGround,
) -> None:
    """0-9 early, 10-19 inside, 20-29 later, 30-34 erased before, 35-39 erased and back, 40-44 only ever updated."""
    await ground.open_case()
    await ground.seal(range(50))
    mail = "user.contact.email"
    await ground.observed("points", range(10), CREATED, days(30), mail)
    await ground.observed("points", range(10, 20), CREATED, days(15), mail)
    await ground.observed("points", range(20, 30), CREATED, days(5), mail)
    await ground.observed("points", range(30, 40), CREATED, days(40), mail)
    await ground.observed("points", range(30, 35), ERASED, days(25))
    await ground.observed("points", range(40, 45), UPDATED, days(3), mail)
    await ground.observed("points", range(45, 50), CREATED, days(40), "user.health")
    for n in range(35, 40):
        await ground.erased(n, days(26), "points")
    await ground.observed("points", range(35, 38), CREATED, days(12), mail)
    await ground.observed("points", range(10), CREATED, days(30), mail)  # once more: it changes nothing
    async with ground.running() as client:
        await ground.until_open(client)
        await settled(ground, "SELECT count(*) FROM subject_fact", 58)
        await settled(ground, "SELECT count(*) FROM verified_erasure WHERE cardinality(tokens) > 0", 5)
        reached = {"categories": ["user.contact"], "complete_since": days(100).isoformat()}
        found = await ground.scoped(client, WINDOW, {"points": reached})
        assert (found["lower"], found["upper"]) == (23, 28)
        sure = {await ground.token("points", n) for n in [*range(20), *range(35, 38)]}
        assert await concerned(ground, 1, "points", certain=True) == sure
        maybe = {await ground.token("points", n) for n in range(40, 45)}
        assert await concerned(ground, 1, "points", certain=False) == maybe
        incomplete = await ground.scoped(client, WINDOW, {"points": {"categories": ["user.contact"]}})
        assert (incomplete["lower"], incomplete["upper"]) == (23, None)
        wider = await ground.scoped(client, WINDOW, {"points": {"complete_since": days(100).isoformat()}})
        assert (wider["lower"], wider["upper"], wider["added"], wider["removed"]) == (28, 33, 5, 0)
        shown = await ground.see(client)
        assert (shown["counted"]["lower"], shown["counted"]["upper"]) == (28, 33)
        cookie = {"Cookie": f"lethe_console={ground.auth()['Authorization'][7:]}"}
        page = await client.get(f"/console/breaches/{CASE}", headers=cookie)
        assert "28 to 33" in page.text
        upside_down = {"start": NOW.isoformat(), "end": days(1).isoformat(), "processors": {"points": {}}}
        await ground.act(client, "scope", upside_down, status=422)
        beta = await client.get(f"/v1/breaches/{CASE}/affected", headers=ground.auth(controllers=("beta",)))
        assert beta.status_code == 404


async def test_people_of_databases_are_found_by_looking_and_the_same_person_counts_once(ground: PeopleGround) -> None:
    """shop 0-59, crm 40-79: 80 people. 70-72 were erased at the crm before the window and came back; 90-91 since."""
    await ground.processor("shop", range(60))
    await ground.processor("crm", range(40, 80))
    ground.register("vendor", connector={"kind": "kafka"})
    await ground.seal([70, 71, 72, 90, 91, 92])
    await ground.open_case()
    await ground.start("export_worker")
    for n in (70, 71, 72):
        await ground.erased(n, days(25), "crm")
    for n in (90, 91):
        await ground.erased(n, days(12), "shop")
    await ground.erased(92, days(12), "shop", found=False)
    async with ground.running() as client:
        await ground.until_open(client)
        await settled(ground, "SELECT count(*) FROM verified_erasure WHERE cardinality(refs) > 0", 6)
        found = await ground.scoped(client, WINDOW, {"shop": {}, "crm": {}})
        assert (found["lower"], found["upper"]) == (2, 82)
        assert await concerned(ground, 1, "", certain=False) == await refs(ground, range(80))
        assert await concerned(ground, 1, "", certain=True) == await refs(ground, [90, 91])
        bought = {"categories": ["user.behavior.purchase_history"]}
        await ground.admin.execute("DELETE FROM shop.orders WHERE customer_id >= 50")
        narrower = await ground.scoped(client, WINDOW, {"shop": bought})
        assert await concerned(ground, 2, "", certain=False) == await refs(ground, [*range(50), 90, 91])
        assert (narrower["added"], narrower["removed"]) == (0, 30)
        blind = await ground.scoped(client, WINDOW, {"shop": bought, "vendor": {}})
        assert blind["upper"] is None
        assert [s["failure"] for s in blind["searches"]] == [None, "cannot_enumerate"]
        known = await ground.scoped(client, WINDOW, {"shop": bought, "vendor": {"population": 7}})
        assert known["upper"] == 59
        await settled(ground, "SELECT count(*) FROM search WHERE shredded_at IS NULL", 0)
    for row in await ground.notifier_rows("SELECT document_id FROM search WHERE document_id IS NOT NULL"):
        with pytest.raises(Gone):
            _ = [c async for c in ground.vault.open_document(row["document_id"], reason="test")]


async def test_people_are_counted_once_whenever_the_notifier_dies_and_the_bus_names_nobody(
    ground: PeopleGround,
) -> None:
    await ground.processor("shop", range(30))
    await ground.open_case()
    async with ground.running() as client:
        await ground.until_open(client)
        body = {"start": WINDOW[0].isoformat(), "end": WINDOW[1].isoformat(), "processors": {"shop": {}}}
        await ground.act(client, "scope", body)
    await ground.start("export_worker")
    for point in (*PEOPLE_CRASH_POINTS, "people.shredded"):
        dying = await ground.start_notifier(LETHE_CRASH_AT=point)
        assert await dying.ended() == 137, point
    async with ground.running():
        await settled(ground, "SELECT count(*) FROM scope WHERE lower = 0 AND upper = 30", 1)
        await settled(ground, "SELECT count(*) FROM search WHERE shredded_at IS NULL", 0)
    assert (await ground.notifier_rows("SELECT count(*) FROM concerned"))[0][0] == 30
    counts = 'SELECT count(*) FROM case_event WHERE content LIKE \'%"kind":"affected_counted"%\''
    assert (await ground.notifier_rows(counts))[0][0] == 1
    for topic in (*ground.topics.every, *ground.topics.of_people):
        for record in await read_all(ground.kafka, topic.name):
            assert b"people.example" not in (record.value or b"") + (record.key or b"")


async def test_sealed_descriptions_are_destroyed_when_every_case_of_an_incident_is_long_over(
    ground: PeopleGround,
) -> None:
    sealing = Sealing(INCIDENT, INCIDENT, "acme", Identifiers({}), "what somebody wrote")
    async with ground.database.transaction() as tx:
        await ground.vault.seal(tx, [sealing])
    await ground.open_case()
    async with ground.running(LETHE_BREACH_RETENTION="1s") as client:
        await ground.until_open(client)
        await asyncio.sleep(2)
        assert await ground.vault.note(INCIDENT, reason="test") == "what somebody wrote", "the case is open"
        await ground.act(client, "dismissal", {"reason": "a drill"})
        await ground.act(client, "dismissal/confirm", name="robin")
    async with ground.running():
        await asyncio.sleep(1)
    assert await ground.vault.note(INCIDENT, reason="test"), "years are not over"
    async with ground.running(LETHE_BREACH_RETENTION="1s"):
        await settled(ground, "SELECT count(*) FROM shredded_incident", 1)
    with pytest.raises(Gone):
        await ground.vault.note(INCIDENT, reason="test")
