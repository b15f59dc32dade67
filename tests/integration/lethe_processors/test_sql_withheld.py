"""Erasing around a legal hold: what it covers stays with the way to find it again, and the rest is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace as changed

from lethe_events.words import Grade, Outcome
from lethe_processors.connector import WorkItem
from lethe_testkit.described import HEAD, OF_MEMBER, Bench, fetch, person, run_sql, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DATASET = (
    HEAD
    + f"""
      - name: members
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: full_name, data_categories: [user.name]}}
          - {{name: nickname, data_categories: [user.name]}}
          - {{name: vip, data_categories: [user.name]}}
      - name: letters
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: body, data_categories: [user.content]}}
          - {{name: signed, data_categories: [user.name]}}
      - name: visits
        lethe: {{erase: fields}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - name: details
            lethe: {{erase: null}}
            fields:
              - {{name: note, data_categories: [user.content]}}
              - {{name: guest, data_categories: [user.name]}}
      - name: stars
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: of, data_categories: [user.unique_id]}}
"""
)
TABLES = """
CREATE TABLE members (
    id serial PRIMARY KEY, email text NOT NULL, full_name text NOT NULL, nickname text, vip boolean NOT NULL
);
CREATE TABLE letters (id serial PRIMARY KEY, member_id int REFERENCES members, body text, signed text);
CREATE TABLE visits (id serial PRIMARY KEY, member_id int REFERENCES members, details jsonb);
CREATE TABLE stars (id serial PRIMARY KEY, member_id int NOT NULL REFERENCES members, "of" text);
INSERT INTO members (email, full_name, nickname, vip)
    SELECT 'person' || n || '@people.example', 'Ada ' || n, 'addy', true FROM generate_series(1, 4) n;
INSERT INTO letters (member_id, body, signed) SELECT n % 4 + 1, 'text ' || n, 'Ada' FROM generate_series(1, 8) n;
INSERT INTO visits (member_id, details)
    SELECT n, jsonb_build_object('note', 'said ' || n, 'guest', 'Bo') FROM generate_series(1, 4) n;
INSERT INTO stars (member_id, "of") SELECT n % 4 + 1, 'x' FROM generate_series(1, 4) n;
"""


@pytest.fixture
async def opened(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, postgres_dsn, "user.content")
    yield bench
    await bench.close()


def held(number: int, *categories: str) -> WorkItem:
    item = person(number)
    return WorkItem(changed(item.task, withheld=categories), item.identifiers)


async def test_what_is_withheld_stays_exactly_and_the_rest_is_gone(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    before = await snapshot(postgres_dsn)
    [answer] = await connector.erase([held(2, "user.content")])
    assert answer.outcome is Outcome.RETAINED
    assert {(k.collection, k.category, k.rows) for k in answer.retained} == {
        ("letters", "user.content", 2),
        ("visits", "user.content", 1),
        ("members", "user.contact.email", 1),  # by which it is found when the hold is over
        ("members", "user.name", 1),  # NOT NULL, and no pseudonym fits a boolean
    }
    assert {(k.ground, k.article, k.until) for k in answer.retained} == {("legal_hold", "GDPR Art. 17(3)(e)", None)}
    assert await fetch(postgres_dsn, "SELECT member_id, body, signed FROM letters WHERE member_id = 2 ORDER BY id") == [
        (2, "text 1", None),
        (2, "text 5", None),
    ]
    assert await fetch(
        postgres_dsn, "SELECT details ->> 'note', details ? 'guest' FROM visits WHERE member_id = 2"
    ) == [("said 2", False)]
    [(email, name, nickname)] = await fetch(postgres_dsn, "SELECT email, full_name, nickname FROM members WHERE id = 2")
    assert email == "person2@people.example"
    assert nickname is None
    assert isinstance(name, str)
    assert not name.startswith("Ada")
    assert await fetch(postgres_dsn, "SELECT FROM stars WHERE member_id = 2") == []
    after = await snapshot(postgres_dsn)
    assert {t: len(before[t] - after[t]) for t in before} == {"members": 1, "letters": 2, "visits": 1, "stars": 1}


async def test_a_look_knows_what_is_withheld_and_finds_everything_else(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    await connector.erase([held(2, "user.content")])
    [answer] = await connector.verify([held(2, "user.content")])
    assert (answer.outcome, answer.grade) == (Outcome.RETAINED, Grade.REREAD_ABSENT)
    assert {(k.collection, k.ground) for k in answer.retained} >= {("letters", "legal_hold"), ("visits", "legal_hold")}
    [blind_to_the_hold] = await connector.verify([person(2)])
    assert blind_to_the_hold.outcome is Outcome.RESIDUAL
    for left in (
        "UPDATE letters SET signed = 'Ada' WHERE member_id = 2",
        'UPDATE visits SET details = details || \'{"guest": "Bo"}\' WHERE member_id = 2',
        "UPDATE members SET full_name = 'Ada 2' WHERE id = 2",
        "INSERT INTO stars (member_id) VALUES (2)",
    ):
        await run_sql(postgres_dsn, left)
        [answer] = await connector.verify([held(2, "user.content")])
        assert answer.outcome is Outcome.RESIDUAL, left
        await connector.erase([held(2, "user.content")])
        [answer] = await connector.verify([held(2, "user.content")])
        assert answer.outcome is Outcome.RETAINED, left


async def test_when_the_hold_is_over_the_rest_is_found_and_erased(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    await connector.erase([held(2, "user.content")])
    [answer] = await connector.erase([person(2)])
    assert answer.outcome is Outcome.DONE
    [answer] = await connector.verify([person(2)])
    assert answer.outcome is Outcome.NOTHING_FOUND
    assert await fetch(postgres_dsn, "SELECT FROM letters WHERE member_id = 2") == []


async def test_people_with_and_without_a_hold_share_a_batch(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    batch = [person(1), held(2, "user.content"), person(3), held(4, "user.unique_id")]
    answers = await connector.erase(batch)
    assert [a.outcome for a in answers] == [Outcome.DONE, Outcome.RETAINED, Outcome.DONE, Outcome.RETAINED]
    assert [k.collection for k in answers[3].retained if k.category == "user.unique_id"] == ["stars"]
    looked = await connector.verify(batch)
    assert [a.outcome for a in looked] == [a.outcome if a.retained else Outcome.NOTHING_FOUND for a in answers]
    assert await fetch(postgres_dsn, "SELECT DISTINCT member_id FROM letters") == [(2,)]


async def test_a_hold_on_what_is_not_here_keeps_nothing(opened: Bench) -> None:
    connector = await opened(TABLES, DATASET)
    [answer] = await connector.erase([held(2, "user.financial")])
    assert answer.outcome is Outcome.DONE
    assert not answer.retained
    [answer] = await connector.verify([held(2, "user.financial")])
    assert answer.outcome is Outcome.NOTHING_FOUND


async def test_a_hold_on_a_word_is_no_hold_on_a_longer_word(opened: Bench) -> None:
    connector = await opened(TABLES, DATASET)
    [answer] = await connector.erase([held(2, "user.cont")])
    assert answer.outcome is Outcome.DONE


async def test_doing_it_again_changes_nothing(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(TABLES, DATASET)
    [first] = await connector.erase([held(2, "user.content")])
    before = await snapshot(postgres_dsn)
    [again] = await connector.erase([held(2, "user.content")])
    assert await snapshot(postgres_dsn) == before
    assert again.retained == first.retained
    assert again.counts == ()
