"""Rectification: checked before anything changes, whole or not at all, shown by other rights, told without values."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from lethe_events.models import Count
from lethe_events.words import Grade, Method, Outcome, Verb
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
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: full_name, data_categories: [user.name]}}
          - {{name: code, data_categories: [user.name]}}
          - {{name: born, data_categories: [user.name]}}
          - {{name: height, data_categories: [user.name]}}
          - {{name: points, data_categories: [user.name], fides_meta: {{data_type: integer}}}}
          - {{name: country, data_categories: [user.name]}}
          - {{name: initials, data_categories: [user.name]}}
          - name: extra
            fields:
              - {{name: note, data_categories: [user.name]}}
      - name: letters
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: body, data_categories: [user.name]}}
      - name: profiles
        lethe: {{erase: delete}}
        fields:
          - {{name: member_id, fides_meta: {{primary_key: true,
             references: [{{dataset: tiny, field: members.id, direction: from}}]}}}}
          - {{name: motto, data_categories: [user.name]}}
      - name: cards
        lethe: {{erase: delete, shared: true}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: text, data_categories: [user.name]}}
"""
)
TABLES = """
CREATE TABLE countries (code text PRIMARY KEY);
INSERT INTO countries VALUES ('NO'), ('DE');
CREATE TABLE members (
    id serial PRIMARY KEY, email text NOT NULL UNIQUE, full_name text NOT NULL, code varchar(3) UNIQUE, born date,
    height numeric(5,2) CHECK (height > 0), points smallint, extra jsonb,
    country text REFERENCES countries DEFERRABLE INITIALLY DEFERRED,
    initials text GENERATED ALWAYS AS (left(full_name, 1)) STORED
);
CREATE TABLE letters (id serial PRIMARY KEY, member_id int NOT NULL REFERENCES members, body text);
CREATE TABLE profiles (member_id int PRIMARY KEY REFERENCES members, motto text);
CREATE TABLE cards (id serial PRIMARY KEY, member_id int REFERENCES members, "text" text);
INSERT INTO members (email, full_name, code, height)
    SELECT 'person' || n || '@people.example', 'Ada ' || n, 'c' || n, 1.7 FROM generate_series(1, 5) n;
INSERT INTO letters (member_id, body) SELECT n % 5 + 1, 'dear' FROM generate_series(1, 10) n;
INSERT INTO profiles SELECT n, 'onwards' FROM generate_series(1, 4) n;
INSERT INTO cards (member_id, "text") SELECT n, 'hello' FROM generate_series(1, 5) n;
"""


@pytest.fixture
async def opened(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, postgres_dsn, capabilities={"verbs": ["export", "erase", "verify", "rectify"]})
    yield bench
    await bench.close()


def asks(number: int, corrections: dict[str, Any]) -> WorkItem:
    item = tasks.item("tiny", Verb.RECTIFY, number)
    return WorkItem(item.task, item.identifiers, corrections)


def look(number: int, corrections: dict[str, Any]) -> WorkItem:
    done = tasks.task("tiny", Verb.RECTIFY, number).task_id
    task = tasks.task("tiny", Verb.VERIFY, number, verifies=done)
    return WorkItem(task, tasks.item("tiny", Verb.VERIFY, number).identifiers, corrections)


async def rectify(connector: object, *items: WorkItem) -> list[Answer]:
    assert isinstance(connector, Changes)
    return await connector.change(Verb.RECTIFY, items)


WANTED = {
    "members.full_name": "Adelaide",
    "members.born": "1990-02-03",
    "members.height": 1.75,
    "tiny:members.points": 7,
    "members.code": None,
    "members.country": "NO",
    "profiles.motto": "Ever onwards",
    "elsewhere:people.name": "is another processor's",
}


async def test_fields_get_their_new_values_and_nothing_else_changes(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    before = await snapshot(postgres_dsn)
    [seen] = await connector.verify([look(2, WANTED)])
    assert (seen.outcome, {c.collection: c.rows for c in seen.counts}) == (
        Outcome.RESIDUAL,
        {"members": 1, "profiles": 1},
    )
    [answer] = await rectify(connector, asks(2, WANTED))
    assert (answer.outcome, answer.grade) == (Outcome.DONE, Grade.CONFIRMED_BY_API)
    assert answer.counts == tuple(Count(collection=c, method=Method.RECTIFIED, rows=1) for c in ("members", "profiles"))
    row = "SELECT full_name, born::text, height::text, points, code, country, initials FROM members WHERE id = 2"
    assert await fetch(postgres_dsn, row) == [("Adelaide", "1990-02-03", "1.75", 7, None, "NO", "A")]
    after = await snapshot(postgres_dsn)
    assert {t: len(before[t] - after[t]) for t in before if before[t] != after[t]} == {"members": 1, "profiles": 1}
    [seen] = await connector.verify([look(2, WANTED)])
    assert (seen.outcome, seen.grade) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)
    await run_sql(postgres_dsn, "UPDATE members SET points = 8 WHERE id = 2")
    [seen] = await connector.verify([look(2, WANTED)])
    assert (seen.outcome, [c.collection for c in seen.counts]) == (Outcome.RESIDUAL, ["members"])


async def test_values_are_told_by_keyed_hashes_only(opened: Bench) -> None:
    connector = await opened(TABLES, DATASET)
    [first] = await rectify(connector, asks(2, {"members.full_name": "Adelaide"}))
    [second] = await rectify(connector, asks(2, {"members.full_name": "Adele"}))
    kinds = [e.kind for e in first.evidence]
    assert kinds == ["old_values_hmac", "new_values_hmac"]
    assert first.evidence[1].sha256 == second.evidence[0].sha256  # what was new is what is old now
    assert len({e.sha256 for a in (first, second) for e in a.evidence}) == 3
    said = json.dumps([asdict(first), asdict(second)], default=str)
    assert "Ad" not in said


@pytest.mark.parametrize(
    ("corrections", "code"),
    [
        ({"members.nickname": "x"}, "correction_unknown_field"),
        ({"people.name": "x"}, "correction_unknown_field"),
        ({"name": "x"}, "correction_unknown_field"),
        ({"members.id": 9}, "correction_of_key"),
        ({"letters.member_id": 3}, "correction_of_key"),
        ({"cards.text": "x"}, "correction_shared_row"),
        ({"members.initials": "x"}, "correction_not_possible"),
        ({"members.extra": {"note": "x"}}, "correction_not_possible"),
        ({"members.points": "many"}, "correction_wrong_type"),
        ({"members.points": True}, "correction_wrong_type"),
        ({"members.points": 70000}, "correction_out_of_range"),
        ({"members.born": "yesteryear"}, "correction_wrong_type"),
        ({"members.born": "1990-02-31"}, "correction_wrong_type"),
        ({"members.full_name": "a\x00b"}, "correction_wrong_type"),
        ({"members.code": "long"}, "correction_too_long"),
        ({"members.full_name": None}, "correction_not_null"),
        ({"members.height": -1}, "correction_check_violated"),
        ({"members.height": 1.755}, "correction_not_kept"),
        ({"members.country": "XX"}, "correction_foreign_key"),
        ({"members.code": "c3"}, "correction_not_unique"),
        ({"members.email": "person3@people.example"}, "correction_not_unique"),
        ({"letters.body": "x"}, "correction_several_rows"),
        ({}, "corrections_missing"),
    ],
)  # fmt: skip
async def test_what_cannot_be_corrected_goes_to_a_person_with_a_code_and_nothing_changes(
    opened: Bench, postgres_dsn: str, corrections: dict[str, Any], code: str
) -> None:
    connector = await opened(TABLES, DATASET)
    before = await snapshot(postgres_dsn)
    good = {"members.full_name": "Adelaide"} if corrections else {}
    [answer] = await rectify(connector, asks(2, {**good, **corrections}))
    assert answer.failure is not None
    assert (answer.outcome, answer.failure.code) == (Outcome.NEEDS_PERSON, code)
    assert await snapshot(postgres_dsn) == before


async def test_one_persons_mistake_spoils_nobody_elses_correction(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    wrong, missing = asks(3, {"members.height": -1}), asks(5, {"members.born": "1990-02-03", "profiles.motto": "x"})
    answers = await rectify(connector, asks(2, WANTED), wrong, asks(4, WANTED), missing, asks(9, WANTED))
    outcomes = [Outcome.DONE, Outcome.NEEDS_PERSON, Outcome.DONE, Outcome.NEEDS_PERSON, Outcome.NOTHING_FOUND]
    assert [a.outcome for a in answers] == outcomes
    assert answers[3].failure is not None
    assert answers[3].failure.code == "correction_no_row"
    assert await fetch(postgres_dsn, "SELECT id FROM members WHERE full_name = 'Adelaide' ORDER BY id") == [(2,), (4,)]


async def test_a_new_address_is_found_again_and_asked_again_changes_nothing(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    wanted = {"members.email": "Ada@new.example", "members.full_name": "Adelaide"}
    [first] = await rectify(connector, asks(2, wanted))
    assert first.outcome is Outcome.DONE
    before = await snapshot(postgres_dsn)
    [again] = await rectify(connector, asks(2, wanted))
    assert (again.outcome, again.counts) == (first.outcome, first.counts)
    assert await snapshot(postgres_dsn) == before
    [seen] = await connector.verify([look(2, wanted)])
    assert seen.outcome is Outcome.NOTHING_FOUND
    await run_sql(postgres_dsn, "UPDATE members SET full_name = 'Eve' WHERE id = 2")
    [seen] = await connector.verify([look(2, wanted)])
    assert seen.outcome is Outcome.RESIDUAL


async def test_whoever_has_the_new_address_already_is_not_taken_for_the_person(
    opened: Bench, postgres_dsn: str
) -> None:
    connector = await opened(TABLES, DATASET)
    before = await snapshot(postgres_dsn)
    wanted = {"members.email": "person3@people.example", "members.full_name": "Adelaide"}
    [answer] = await rectify(connector, asks(9, wanted))  # nobody has the ninth address
    assert answer.outcome is Outcome.NOTHING_FOUND
    assert await snapshot(postgres_dsn) == before


async def test_what_is_only_for_other_processors_is_nothing_here(opened: Bench) -> None:
    connector = await opened(TABLES, DATASET)
    [answer] = await rectify(connector, asks(2, {"elsewhere:members.full_name": "Adelaide"}))
    assert answer.outcome is Outcome.NOTHING_FOUND
