"""Suppression by purpose: flags and lists, exactly what was asked, and shown by a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace as changed

from lethe_events.words import Grade, Method, Outcome, Right, Verb
from lethe_processors.connector import Changes, WorkItem
from lethe_testkit import tasks
from lethe_testkit.described import HEAD, OF_MEMBER, Bench, fetch, run_sql, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_processors.connector import Answer

DATASET = (
    HEAD
    + f"""
      - name: members
        lethe:
          erase: delete
          suppress:
            - {{purpose: marketing.communications.email, flag: newsletter, value: false}}
            - {{purpose: analytics.reporting, flag: counted, value: never}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: newsletter}}
          - {{name: counted}}
      - name: devices
        lethe: {{erase: delete, suppress: [{{purpose: marketing.advertising, flag: ads, value: 0}}]}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: ads}}
      - name: do_not_contact
        lethe: {{erase: delete, suppress: [{{purpose: marketing, insert: address, purpose_field: purpose}}]}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: address, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: purpose}}
"""
)
TABLES = """
CREATE TABLE members (id serial PRIMARY KEY, email text NOT NULL, newsletter boolean, counted text);
CREATE TABLE devices (id serial PRIMARY KEY, member_id int NOT NULL REFERENCES members, ads smallint);
CREATE TABLE do_not_contact (id serial PRIMARY KEY, address text NOT NULL, purpose text NOT NULL);
INSERT INTO members (email, newsletter, counted)
    SELECT 'person' || n || '@people.example', CASE WHEN n <> 4 THEN true END, 'daily' FROM generate_series(1, 4) n;
INSERT INTO devices (member_id, ads) SELECT n % 4 + 1, 1 FROM generate_series(1, 8) n;
"""
EMAIL, MARKETING = "marketing.communications.email", "marketing"


@pytest.fixture
async def opened(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Bench]:
    verbs = {"verbs": ["export", "erase", "verify", "suppress"]}
    bench = Bench(tmp_path, postgres_dsn, capabilities=verbs)
    yield bench
    await bench.close()


def asks(number: int, *purposes: str, verb: Verb = Verb.SUPPRESS) -> WorkItem:
    item = tasks.item("tiny", verb, number)
    return WorkItem(changed(item.task, right=Right.OBJECTION, purposes=purposes), item.identifiers)


def look(number: int, *purposes: str) -> WorkItem:
    return asks(number, *purposes, verb=Verb.VERIFY)


async def suppress(connector: object, *items: WorkItem) -> list[Answer]:
    assert isinstance(connector, Changes)
    return await connector.change(Verb.SUPPRESS, items)


def counted(answer: Answer) -> dict[str, int]:
    return {c.collection: c.rows for c in answer.counts}


async def test_a_purpose_ends_with_everything_below_it_and_nothing_beside_it(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    [seen] = await connector.verify([look(2, MARKETING)])
    assert (seen.outcome, counted(seen)) == (Outcome.RESIDUAL, {"members": 1, "devices": 2, "do_not_contact": 1})
    [answer] = await suppress(connector, asks(2, MARKETING))
    assert (answer.outcome, answer.grade) == (Outcome.DONE, Grade.CONFIRMED_BY_API)
    assert counted(answer) == {"members": 1, "devices": 2, "do_not_contact": 1}
    assert {c.method for c in answer.counts} == {Method.SUPPRESSED}
    assert await fetch(postgres_dsn, "SELECT id FROM members WHERE NOT newsletter") == [(2,)]
    assert await fetch(postgres_dsn, "SELECT DISTINCT counted FROM members") == [("daily",)]
    assert await fetch(postgres_dsn, "SELECT DISTINCT member_id FROM devices WHERE ads = 0") == [(2,)]
    assert await fetch(postgres_dsn, "SELECT address, purpose FROM do_not_contact") == [
        ("person2@people.example", "marketing")
    ]
    [seen] = await connector.verify([look(2, MARKETING)])
    assert (seen.outcome, seen.grade) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)


async def test_a_narrow_purpose_stops_no_wider_one(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    [answer] = await suppress(connector, asks(2, EMAIL))
    assert counted(answer) == {"members": 1, "do_not_contact": 1}
    assert await fetch(postgres_dsn, "SELECT purpose FROM do_not_contact") == [(EMAIL,)]
    assert await fetch(postgres_dsn, "SELECT count(*) FROM devices WHERE ads = 0") == [(0,)]


async def test_asked_again_it_enters_nobody_twice(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    [first] = await suppress(connector, asks(2, MARKETING))
    await run_sql(postgres_dsn, "UPDATE do_not_contact SET address = 'Person2@People.example'")
    before = await snapshot(postgres_dsn)
    [again] = await suppress(connector, asks(2, MARKETING))
    assert again == first
    assert await snapshot(postgres_dsn) == before


async def test_whoever_is_not_known_here_is_listed_all_the_same(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    [answer] = await suppress(connector, asks(9, EMAIL))
    assert (answer.outcome, counted(answer)) == (Outcome.DONE, {"do_not_contact": 1})
    assert await fetch(postgres_dsn, "SELECT address FROM do_not_contact") == [("person9@people.example",)]
    [answer] = await suppress(connector, asks(9, "analytics.reporting"))
    assert answer.outcome is Outcome.NOTHING_FOUND


async def test_a_batch_stops_for_each_what_each_asked(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    answers = await suppress(
        connector, asks(1, EMAIL), asks(2, "essential.service"), asks(3, "analytics.reporting", EMAIL), asks(4)
    )
    codes = [a.failure.code if a.failure else a.outcome for a in answers]
    assert codes == [Outcome.DONE, "purpose_not_declared", Outcome.DONE, "purposes_missing"]
    assert await fetch(postgres_dsn, "SELECT id FROM members WHERE newsletter IS FALSE ORDER BY id") == [(1,), (3,)]
    assert await fetch(postgres_dsn, "SELECT id FROM members WHERE counted = 'never'") == [(3,)]
    assert await fetch(postgres_dsn, "SELECT address FROM do_not_contact ORDER BY 1") == [
        ("person1@people.example",),
        ("person3@people.example",),
    ]


@pytest.mark.parametrize(
    ("undone", "where"),
    [
        ("UPDATE members SET newsletter = true WHERE id = 2", {"members": 1}),
        ("UPDATE members SET newsletter = NULL WHERE id = 2", {"members": 1}),
        ("INSERT INTO devices (member_id, ads) VALUES (2, 1)", {"devices": 1}),
        ("DELETE FROM do_not_contact", {"do_not_contact": 1}),
        ("UPDATE do_not_contact SET purpose = 'analytics'", {"do_not_contact": 1}),
    ],
)
async def test_each_way_in_which_it_goes_on_is_found(
    opened: Bench, postgres_dsn: str, undone: str, where: dict[str, int]
) -> None:
    connector = await opened(TABLES, DATASET)
    await suppress(connector, asks(2, MARKETING), asks(3, MARKETING))
    await run_sql(postgres_dsn, undone)
    [seen] = await connector.verify([look(2, MARKETING)])
    assert (seen.outcome, counted(seen)) == (Outcome.RESIDUAL, where)


async def test_a_number_written_in_another_way_is_not_entered_twice(postgres_dsn: str, tmp_path: Path) -> None:
    dataset = (
        HEAD
        + """
      - name: do_not_call
        lethe: {erase: delete, suppress: [{purpose: marketing, insert: phone}]}
        fields:
          - {name: phone, data_categories: [user.contact.phone_number],
             fides_meta: {identity: phone_number, primary_key: true}}
"""
    )
    verbs = {"verbs": ["export", "erase", "verify", "suppress"]}
    bench = Bench(tmp_path, postgres_dsn, capabilities=verbs, identities=["phone_number"])
    connector = await bench("CREATE TABLE do_not_call (phone text PRIMARY KEY)", dataset)
    item = asks(1, MARKETING)
    called = WorkItem(item.task, {"phone_number": ("+4930123456",)})
    try:
        await run_sql(postgres_dsn, "INSERT INTO do_not_call VALUES ('0049 30 / 123456')")
        [answer] = await suppress(connector, called)
        assert answer.outcome is Outcome.DONE
        assert await fetch(postgres_dsn, "SELECT phone FROM do_not_call") == [("0049 30 / 123456",)]
        await run_sql(postgres_dsn, "DELETE FROM do_not_call")
        await suppress(connector, called)
        assert await fetch(postgres_dsn, "SELECT phone FROM do_not_call") == [("+4930123456",)]
        [seen] = await connector.verify([WorkItem(look(1, MARKETING).task, called.identifiers)])
        assert seen.outcome is Outcome.NOTHING_FOUND
    finally:
        await bench.close()
