"""Databases of one's own: declared by one register file and one dataset file, of any shape that PostgreSQL allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_events.words import Grade, Method, Outcome
from lethe_testkit.described import HEAD, MEMBERS, OF_MEMBER, Bench, Collected, person, run_sql, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

THREE = (
    HEAD
    + MEMBERS
    + f"""
      - name: loans
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
      - name: fines
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - name: loan_id
            fides_meta: {{references: [{{dataset: tiny, field: loans.id, direction: from}}]}}
          - {{name: reason, data_categories: [user.name]}}
"""
)
THREE_TABLES = """
CREATE TABLE members (id serial PRIMARY KEY, email text NOT NULL);
CREATE TABLE loans (id serial PRIMARY KEY, member_id int NOT NULL REFERENCES members);
CREATE TABLE fines (id serial PRIMARY KEY, loan_id int NOT NULL REFERENCES loans, reason text);
INSERT INTO members (email) SELECT 'person' || n || '@people.example' FROM generate_series(1, 9) n;
INSERT INTO loans (member_id) SELECT n % 9 + 1 FROM generate_series(1, 30) n;
INSERT INTO fines (loan_id, reason) SELECT n % 30 + 1, 'late' FROM generate_series(1, 60) n;
"""


@pytest.fixture
async def opened(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, postgres_dsn)
    yield bench
    await bench.close()


async def test_three_tables_two_files_and_a_person_is_exported_erased_and_verified(
    opened: Bench, postgres_dsn: str
) -> None:
    connector, sink = await opened(THREE_TABLES, THREE), Collected()
    [answer] = await connector.export([person(2)], sink)
    assert answer.outcome is Outcome.DONE
    assert {c: len(r) for c, r in sink.of(person(2)).items()} == {"members": 1, "loans": 4, "fines": 8}
    before = await snapshot(postgres_dsn)
    [answer] = await connector.erase([person(2)])
    assert {c.collection: c.rows for c in answer.counts} == {"members": 1, "loans": 4, "fines": 8}
    after = await snapshot(postgres_dsn)
    assert {t: len(before[t]) - len(after[t]) for t in before} == {"members": 1, "loans": 4, "fines": 8}
    assert all(after[t] < before[t] for t in before)
    [answer] = await connector.verify([person(2)])
    assert (answer.outcome, answer.grade) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)


async def test_without_foreign_keys_what_was_left_behind_is_found_as_an_orphan(
    opened: Bench, postgres_dsn: str
) -> None:
    """Once the parent is gone no join leads to these rows, and no value in them says whose they were."""
    bare = THREE_TABLES.replace(" REFERENCES members", "").replace(" REFERENCES loans", "")
    connector = await opened(bare, THREE)
    await connector.erase([person(2)])
    assert (await connector.verify([person(2)]))[0].outcome is Outcome.NOTHING_FOUND
    await run_sql(postgres_dsn, "DELETE FROM members WHERE id = 3")  # what a careless eraser does
    [answer] = await connector.verify([person(3)])
    assert answer.outcome is Outcome.RESIDUAL
    assert {c.collection: c.rows for c in answer.counts if c.method is Method.FOUND} == {"loans": 4}


async def test_a_reference_that_is_not_looked_at_lowers_the_grade(opened: Bench, postgres_dsn: str) -> None:
    bare = THREE_TABLES.replace(" REFERENCES members", "").replace(" REFERENCES loans", "")
    told = THREE.replace(OF_MEMBER, f"lethe: {{orphans: ignored}}, {OF_MEMBER}")
    connector = await opened(bare, told)
    await run_sql(postgres_dsn, "DELETE FROM members WHERE id = 3")
    [answer] = await connector.verify([person(3)])
    assert (answer.outcome, answer.grade) == (Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)


async def test_rows_whose_owner_was_set_to_null_are_found(opened: Bench, postgres_dsn: str) -> None:
    loose = THREE_TABLES.replace("NOT NULL REFERENCES members", "REFERENCES members ON DELETE SET NULL")
    connector = await opened(loose, THREE)
    await connector.erase([person(2)])
    assert (await connector.verify([person(2)]))[0].outcome is Outcome.NOTHING_FOUND
    await run_sql(postgres_dsn, "DELETE FROM members WHERE id = 3")
    [answer] = await connector.verify([person(3)])
    assert {c.collection: c.rows for c in answer.counts} == {"loans": 4}


async def test_a_reference_that_points_to_nothing_names_no_second_person(opened: Bench, postgres_dsn: str) -> None:
    tables = THREE_TABLES.replace(" REFERENCES members", "").replace(" REFERENCES loans", "")
    dataset = THREE.replace("{name: reason,", f"{{name: member_id, {OF_MEMBER}}}\n          - {{name: reason,")
    connector = await opened(tables + "ALTER TABLE fines ADD member_id int; UPDATE fines SET member_id = 77", dataset)
    [answer] = await connector.erase([person(2)])
    assert answer.outcome is Outcome.DONE
    await run_sql(
        postgres_dsn, "UPDATE fines SET member_id = 5 WHERE loan_id = (SELECT min(id) FROM loans WHERE member_id = 4)"
    )
    before = await snapshot(postgres_dsn)
    [answer] = await connector.erase([person(4)])
    assert answer.failure is not None
    assert (answer.outcome, answer.failure.code) == (Outcome.NEEDS_PERSON, "row_of_two_people")
    assert await snapshot(postgres_dsn) == before
    sink = Collected()
    await connector.export([person(4)], sink)  # and nothing personal of such a row is given away
    assert sink.left_out[person(4).task.task_id]["fines"] == ({"member_id", "reason"}, 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("DROP TABLE fines", "missing_table"),
        ("ALTER TABLE fines RENAME reason TO why", "missing_column"),
        ("ALTER TABLE fines DROP CONSTRAINT fines_pkey", "key_not_unique"),
        ("ALTER TABLE fines DROP CONSTRAINT fines_loan_id_fkey, ALTER loan_id TYPE text", "reference_types_differ"),
        ("ALTER TABLE members ALTER email TYPE bytea USING NULL", "identity_type"),
    ],
)
async def test_a_database_that_does_not_fit_is_a_permanent_failure_with_a_code(
    opened: Bench, postgres_dsn: str, change: str, code: str
) -> None:
    tables = THREE_TABLES.replace("email text NOT NULL", "email text")
    connector = await opened(tables + change, THREE)
    for answers in (
        await connector.erase([person(2)]),
        await connector.verify([person(2)]),
        await connector.export([person(2)], Collected()),
    ):
        assert answers[0].failure is not None
        assert answers[0].failure.code == code


async def test_a_table_that_vanishes_while_the_plan_is_remembered_is_told_too(opened: Bench, postgres_dsn: str) -> None:
    connector = await opened(THREE_TABLES, THREE)
    assert (await connector.erase([person(2)]))[0].outcome is Outcome.DONE
    await run_sql(postgres_dsn, "DROP TABLE fines")
    for _ in range(2):  # first by the statement that fails, then by the catalogue that is read again
        [answer] = await connector.erase([person(3)])
        assert answer.failure is not None
        assert answer.failure.code == "missing_table"
