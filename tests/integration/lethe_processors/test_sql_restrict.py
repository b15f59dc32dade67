"""Restriction by each declared method: ordinary readers no longer see it, nothing is lost, lifting restores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from msgspec.structs import replace as changed

from lethe_events.models import Count
from lethe_events.words import Grade, Method, Outcome, Right, Verb
from lethe_processors.connector import Changes, WorkItem
from lethe_processors.credentials import Credentials
from lethe_processors.register import check_live, load_register
from lethe_testkit import tasks
from lethe_testkit.described import HEAD, OF_MEMBER, Bench, Collected, connect, described, fetch, run_sql, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_processors.connector import Answer

FIELDS = """
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
"""
DATASET = (
    HEAD
    + f"""
      - name: members
        lethe: {{erase: delete, restrict: {{flag: restricted, value: true, otherwise: null, view: shown_members}}}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: restricted}}
      - name: letters
        lethe: {{erase: delete, restrict: {{with: member_id, view: shown_letters}}}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: body, data_categories: [user.name]}}
      - name: calls
        lethe: {{erase: delete, restrict: {{access: hidden_calls, view: shown_calls}}}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: said, data_categories: [user.name]}}
      - name: hidden_calls
        lethe: {{erase: delete}}
        fields:
          - name: id
            fides_meta:
              primary_key: true
              references: [{{dataset: tiny, field: calls.id, direction: from}}]
      - name: subscribers
        lethe: {{erase: delete, restrict: {{move: resting_subscribers}}}}{FIELDS}
      - name: resting_subscribers
        lethe: {{erase: delete}}{FIELDS}
"""
)
TABLES = """
CREATE TABLE members (id serial PRIMARY KEY, email text NOT NULL, restricted boolean);
CREATE TABLE letters (id serial PRIMARY KEY, member_id int NOT NULL REFERENCES members, body text);
CREATE TABLE calls (id serial PRIMARY KEY, member_id int NOT NULL REFERENCES members, said text);
CREATE TABLE hidden_calls (id int PRIMARY KEY REFERENCES calls);
CREATE TABLE subscribers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE resting_subscribers (id int PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE VIEW shown_members AS SELECT * FROM members WHERE restricted IS NOT TRUE;
CREATE VIEW shown_letters AS
    SELECT l.* FROM letters l JOIN members m ON m.id = l.member_id WHERE m.restricted IS NOT TRUE;
CREATE VIEW shown_calls AS SELECT * FROM calls c WHERE NOT EXISTS (SELECT FROM hidden_calls h WHERE h.id = c.id);
INSERT INTO members (email) SELECT 'person' || n || '@people.example' FROM generate_series(1, 5) n;
INSERT INTO letters (member_id, body) SELECT n % 5 + 1, 'dear' FROM generate_series(1, 10) n;
INSERT INTO calls (member_id, said) SELECT n % 5 + 1, 'hello' FROM generate_series(1, 15) n;
INSERT INTO subscribers (email) SELECT 'person' || n || '@people.example' FROM generate_series(1, 5) n;
"""
VERBS: dict[str, Any] = {"capabilities": {"verbs": ["export", "erase", "verify", "restrict", "lift"]}}


@pytest.fixture
async def opened(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, postgres_dsn, **VERBS)
    yield bench
    await bench.close()


def asks(verb: Verb, number: int) -> WorkItem:
    item = tasks.item("tiny", verb, number)
    return WorkItem(changed(item.task, right=Right.RESTRICTION), item.identifiers)


def look(after: Verb, number: int) -> WorkItem:
    item = asks(Verb.VERIFY, number)
    return WorkItem(changed(item.task, verifies=asks(after, number).task.task_id), item.identifiers)


async def change(connector: object, verb: Verb, *numbers: int) -> list[Answer]:
    assert isinstance(connector, Changes)
    return await connector.change(verb, [asks(verb, n) for n in numbers])


def counted(answer: Answer) -> dict[str, int]:
    return {c.collection: c.rows for c in answer.counts}


async def test_what_is_restricted_is_seen_by_nobody_in_the_ordinary_course_and_lifting_restores_it(
    opened: Bench, postgres_dsn: str
) -> None:
    connector = await opened(TABLES, DATASET)
    before = await snapshot(postgres_dsn)
    [seen] = await connector.verify([look(Verb.RESTRICT, 2)])
    assert seen.outcome is Outcome.RESIDUAL
    assert counted(seen) == {"members": 1, "letters": 2, "calls": 3, "subscribers": 1}
    [answer] = await change(connector, Verb.RESTRICT, 2)
    assert (answer.outcome, answer.grade) == (Outcome.DONE, Grade.CONFIRMED_BY_API)
    assert counted(answer) == {"members": 1, "calls": 3, "subscribers": 1}
    assert {c.method for c in answer.counts} == {Method.RESTRICTED}
    [seen] = await connector.verify([look(Verb.RESTRICT, 2)])
    assert (seen.outcome, seen.grade) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)
    for view, rows in (("shown_members", 4), ("shown_letters", 8), ("shown_calls", 12), ("subscribers", 4)):
        assert await fetch(postgres_dsn, f"SELECT count(*) FROM {view}") == [(rows,)]
    [still] = await connector.verify([look(Verb.LIFT, 2)])
    assert counted(still) == {"members": 1, "calls": 3, "subscribers": 1}
    [lifted] = await change(connector, Verb.LIFT, 2)
    assert set(lifted.counts) == {
        Count(collection=c, method=Method.LIFTED, rows=n) for c, n in (("members", 1), ("calls", 3), ("subscribers", 1))
    }
    assert await snapshot(postgres_dsn) == before
    [seen] = await connector.verify([look(Verb.LIFT, 2)])
    assert seen.outcome is Outcome.NOTHING_FOUND


async def test_asked_again_it_changes_nothing_and_says_the_same(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    [first] = await change(connector, Verb.RESTRICT, 2)
    before = await snapshot(postgres_dsn)
    assert await change(connector, Verb.RESTRICT, 2) == [first]
    assert await snapshot(postgres_dsn) == before
    await change(connector, Verb.LIFT, 2)
    [again] = await change(connector, Verb.LIFT, 2)
    assert again.outcome is Outcome.NOTHING_FOUND


async def test_a_batch_restricts_its_people_and_nobody_else(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    await run_sql(postgres_dsn, "UPDATE members SET restricted = false WHERE id = 3")
    answers = await change(connector, Verb.RESTRICT, 2, 9, 3, 4)
    assert [a.outcome for a in answers] == [Outcome.DONE, Outcome.NOTHING_FOUND, Outcome.NEEDS_PERSON, Outcome.DONE]
    assert answers[2].failure is not None
    assert answers[2].failure.code == "restriction_state_unknown"  # neither of the two values it may have
    assert await fetch(postgres_dsn, "SELECT id FROM members WHERE restricted ORDER BY id") == [(2,), (4,)]
    assert await fetch(postgres_dsn, "SELECT count(*) FROM hidden_calls") == [(6,)]
    assert await fetch(postgres_dsn, "SELECT count(*) FROM resting_subscribers") == [(2,)]
    await change(connector, Verb.LIFT, 2)
    assert await fetch(postgres_dsn, "SELECT id FROM members WHERE restricted") == [(4,)]
    assert await fetch(postgres_dsn, "SELECT email FROM resting_subscribers") == [("person4@people.example",)]


@pytest.mark.parametrize(
    ("undone", "where"),
    [
        ("UPDATE members SET restricted = NULL WHERE id = 2", {"members": 1, "letters": 2}),
        ("DELETE FROM hidden_calls WHERE id = (SELECT min(id) FROM hidden_calls)", {"calls": 1}),
        ("INSERT INTO subscribers (email) VALUES ('person2@people.example')", {"subscribers": 1}),
        ("CREATE OR REPLACE VIEW shown_letters AS SELECT * FROM letters", {"letters": 2}),
        ("INSERT INTO calls (member_id, said) VALUES (2, 'new')", {"calls": 1}),
    ],
)
async def test_each_way_in_which_ordinary_readers_see_it_again_is_found(
    opened: Bench, postgres_dsn: str, undone: str, where: dict[str, int]
) -> None:
    connector = await opened(TABLES, DATASET)
    await change(connector, Verb.RESTRICT, 2)
    await run_sql(postgres_dsn, undone)
    [seen] = await connector.verify([look(Verb.RESTRICT, 2)])
    assert (seen.outcome, counted(seen)) == (Outcome.RESIDUAL, where)


async def test_what_is_restricted_is_still_exported_and_erased(opened: Bench, postgres_dsn: str) -> None:
    connector, sink = await opened(TABLES, DATASET), Collected()
    await change(connector, Verb.RESTRICT, 2)
    await connector.export([asks(Verb.EXPORT, 2)], sink)
    assert {"members", "calls", "resting_subscribers"} <= set(sink.of(asks(Verb.EXPORT, 2)))
    [answer] = await connector.erase([tasks.item("tiny", Verb.ERASE, 2)])
    assert answer.outcome is Outcome.DONE
    [answer] = await connector.verify([tasks.item("tiny", Verb.VERIFY, 2)])
    assert answer.outcome is Outcome.NOTHING_FOUND
    assert await fetch(postgres_dsn, "SELECT FROM hidden_calls") == []


async def test_a_credential_of_ordinary_readers_shows_what_a_view_does_not(postgres_dsn: str, tmp_path: Path) -> None:
    """Row security hides the row from them; the table itself is what they read."""
    await run_sql(
        postgres_dsn,
        "CREATE TABLE members (id serial PRIMARY KEY, email text NOT NULL, state text NOT NULL DEFAULT 'open');"
        "INSERT INTO members (email) SELECT 'person' || n || '@people.example' FROM generate_series(1, 3) n;"
        "DROP ROLE IF EXISTS lethe_test_ordinary; CREATE ROLE lethe_test_ordinary LOGIN PASSWORD 'ordinary';"
        "GRANT SELECT ON members TO lethe_test_ordinary;",
    )
    entry = described(
        tmp_path,
        HEAD
        + """
      - name: members
        lethe: {erase: delete, restrict: {flag: state, value: closed, otherwise: open, view: members}}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: state}
""",
        connector={
            "kind": "sql",
            "dataset": "datasets/tiny.yaml",
            "read": "env:DESCRIBED_READ_DSN",
            "write": "env:DESCRIBED_WRITE_DSN",
            "ordinary": "env:DESCRIBED_ORDINARY_DSN",
        },
        **VERBS,
    )
    at = urlsplit(postgres_dsn)
    theirs = urlunsplit(at._replace(netloc=f"lethe_test_ordinary:ordinary@{at.netloc.rsplit('@', 1)[-1]}"))
    connector = connect(entry, postgres_dsn, ordinary=theirs)
    try:
        await change(connector, Verb.RESTRICT, 2)
        [seen] = await connector.verify([look(Verb.RESTRICT, 2)])
        assert seen.outcome is Outcome.RESIDUAL
        await run_sql(
            postgres_dsn,
            "ALTER TABLE members ENABLE ROW LEVEL SECURITY;"
            "CREATE POLICY ordinary ON members FOR SELECT TO lethe_test_ordinary USING (state = 'open')",
        )
        [seen] = await connector.verify([look(Verb.RESTRICT, 2)])
        assert seen.outcome is Outcome.NOTHING_FOUND
    finally:
        await connector.close()
        await run_sql(postgres_dsn, "DROP OWNED BY lethe_test_ordinary; DROP ROLE lethe_test_ordinary")


@pytest.mark.parametrize(
    ("change_", "code"),
    [
        ("ALTER TABLE resting_subscribers ADD since date", "restricted_shape_differs"),
        ("DROP TABLE hidden_calls CASCADE", "missing_table"),
        ("DROP VIEW shown_letters", "missing_table"),
    ],
)
async def test_a_database_that_does_not_fit_is_told_with_a_code(
    opened: Bench, postgres_dsn: str, change_: str, code: str
) -> None:
    connector = await opened(TABLES, DATASET)
    await run_sql(postgres_dsn, change_)
    [answer] = await connector.verify([look(Verb.RESTRICT, 2)])
    assert answer.failure is not None
    assert answer.failure.code == code
    if "VIEW" not in change_:
        before = await snapshot(postgres_dsn)
        [answer] = await change(connector, Verb.RESTRICT, 2)
        assert answer.failure is not None
        assert answer.failure.code == code
        assert await snapshot(postgres_dsn) == before


async def test_what_the_writing_role_lacks_and_what_differs_is_told_before_anybody_asks(
    opened: Bench, postgres_dsn: str, tmp_path: Path
) -> None:
    await opened(TABLES, DATASET)
    at = urlsplit(postgres_dsn)
    await run_sql(
        postgres_dsn,
        "DROP ROLE IF EXISTS lethe_test_limited; CREATE ROLE lethe_test_limited LOGIN PASSWORD 'limited';"
        "GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO lethe_test_limited;"
        "GRANT UPDATE (email) ON members, subscribers, resting_subscribers TO lethe_test_limited",
    )
    limited = urlunsplit(at._replace(netloc=f"lethe_test_limited:limited@{at.netloc.rsplit('@', 1)[-1]}"))
    credentials = Credentials(
        {"DESCRIBED_READ_DSN": limited, "DESCRIBED_WRITE_DSN": limited, "DESCRIBED_KEY": "k" * 32}
    )
    try:
        told = [f"{p.field}: {p.message}" for p in await check_live(load_register(tmp_path), credentials)]
        for lacking in ("members: ", "hidden_calls: ", "resting_subscribers: ", "subscribers: "):
            assert any(t.startswith(lacking) and t.endswith("to restrict.") for t in told), (lacking, told)
        await run_sql(postgres_dsn, "ALTER TABLE resting_subscribers ADD since date")
        told = [f"{p.field}: {p.message}" for p in await check_live(load_register(tmp_path), credentials)]
        assert "resting_subscribers.since: subscribers has no such column: a row could not be moved back." in told
    finally:
        await run_sql(postgres_dsn, "DROP OWNED BY lethe_test_limited; DROP ROLE lethe_test_limited")
