"""Databases of one's own: declared by one register file and one dataset file, of any shape that PostgreSQL allows."""

# ruff: noqa: E501 - SQL and YAML as they are written elsewhere
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_events.words import Grade, Method, Outcome
from lethe_testkit.described import Collected, connect, described, fetch, person, run_sql, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from lethe_processors.connector import Connector

    Opened = Callable[[str, str], Awaitable[Connector]]

HEAD = "dataset:\n  - fides_key: tiny\n    collections:\n"
MEMBERS = """
      - name: members
        lethe: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
"""
OF_MEMBER = "fides_meta: {references: [{dataset: tiny, field: members.id, direction: from}]}"
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
async def opened(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Opened]:
    """A function: SQL of the tables, dataset → connector."""
    made: list[Connector] = []

    async def open_(tables: str, dataset: str) -> Connector:
        await run_sql(postgres_dsn, tables)
        categories = ["user.contact", "user.name", "user.unique_id"]
        made.append(connect(described(tmp_path, dataset, data_categories=categories), postgres_dsn))
        return made[-1]

    yield open_
    for connector in made:
        await connector.close()


async def test_three_tables_two_files_and_a_person_is_exported_erased_and_verified(
    opened: Opened, postgres_dsn: str
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
    opened: Opened, postgres_dsn: str
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


async def test_a_reference_that_is_not_looked_at_lowers_the_grade(opened: Opened, postgres_dsn: str) -> None:
    bare = THREE_TABLES.replace(" REFERENCES members", "").replace(" REFERENCES loans", "")
    told = THREE.replace(OF_MEMBER, f"lethe: {{orphans: ignored}}, {OF_MEMBER}")
    connector = await opened(bare, told)
    await run_sql(postgres_dsn, "DELETE FROM members WHERE id = 3")
    [answer] = await connector.verify([person(3)])
    assert (answer.outcome, answer.grade) == (Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)


async def test_rows_whose_owner_was_set_to_null_are_found(opened: Opened, postgres_dsn: str) -> None:
    loose = THREE_TABLES.replace("NOT NULL REFERENCES members", "REFERENCES members ON DELETE SET NULL")
    connector = await opened(loose, THREE)
    await connector.erase([person(2)])
    assert (await connector.verify([person(2)]))[0].outcome is Outcome.NOTHING_FOUND
    await run_sql(postgres_dsn, "DELETE FROM members WHERE id = 3")
    [answer] = await connector.verify([person(3)])
    assert {c.collection: c.rows for c in answer.counts} == {"loans": 4}


async def test_a_reference_that_points_to_nothing_names_no_second_person(opened: Opened, postgres_dsn: str) -> None:
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


async def test_composite_references_are_followed_by_all_their_fields_together(
    opened: Opened, postgres_dsn: str
) -> None:
    """By one field alone, line 1 of every order would be this person's."""
    tables = """
    CREATE TABLE members (id int PRIMARY KEY, email text);
    CREATE TABLE lines (member_id int REFERENCES members, n int, PRIMARY KEY (member_id, n));
    CREATE TABLE parts (id serial PRIMARY KEY, member_id int, n int, FOREIGN KEY (member_id, n) REFERENCES lines);
    INSERT INTO members SELECT n, 'person' || n || '@people.example' FROM generate_series(1, 4) n;
    INSERT INTO lines SELECT m, n FROM generate_series(1, 4) m, generate_series(1, 3) n;
    INSERT INTO parts (member_id, n) SELECT member_id, n FROM lines;
    """
    dataset = (
        HEAD
        + MEMBERS
        + """
      - name: lines
        lethe: {erase: delete}
        fields:
          - name: member_id
            fides_meta: {primary_key: true, references: [{dataset: tiny, field: members.id, direction: from}]}
          - {name: n, fides_meta: {primary_key: true}}
      - name: parts
        lethe: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: member_id, fides_meta: {references: [{dataset: tiny, field: lines.member_id, direction: from}]}}
          - {name: n, fides_meta: {references: [{dataset: tiny, field: lines.n, direction: from}]}}
"""
    )
    connector = await opened(tables, dataset)
    [answer] = await connector.erase([person(2)])
    assert {c.collection: c.rows for c in answer.counts} == {"members": 1, "lines": 3, "parts": 3}
    assert await fetch(postgres_dsn, "SELECT count(*) FROM parts") == [(9,)]


async def test_a_letter_of_two_people_whose_rows_stay_is_emptied_for_one_and_then_for_both(
    opened: Opened, postgres_dsn: str
) -> None:
    tables = """
    CREATE TABLE members (id int PRIMARY KEY, email text);
    CREATE TABLE letters (id int PRIMARY KEY, sender int REFERENCES members, receiver int REFERENCES members, said text, heard text);
    INSERT INTO members SELECT n, 'person' || n || '@people.example' FROM generate_series(1, 3) n;
    INSERT INTO letters VALUES (1, 1, 2, 'said', 'heard');
    """
    letters = """
      - name: letters
        lethe: {erase: fields, shared: true}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: sender, fides_meta: {references: [{dataset: tiny, field: members.id, direction: from}]}}
          - {name: receiver, fides_meta: {references: [{dataset: tiny, field: members.id, direction: from}]}}
          - {name: said, data_categories: [user.name], lethe: {erase: null, about: sender}}
          - {name: heard, data_categories: [user.name], lethe: {erase: null, about: receiver}}
"""
    connector = await opened(tables, HEAD + MEMBERS + letters)
    await connector.erase([person(1)])
    assert await fetch(postgres_dsn, "SELECT * FROM letters") == [(1, None, 2, None, "heard")]
    await connector.erase([person(2)])
    assert await fetch(postgres_dsn, "SELECT * FROM letters") == [(1, None, None, None, None)]


CIRCLE = (
    HEAD
    + MEMBERS
    + f"""          - name: card_id
            fides_meta: {{references: [{{dataset: tiny, field: cards.id}}]}}
            lethe: {{owner: false}}
      - name: cards
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
"""
)
CIRCLE_TABLES = """
CREATE TABLE members (id int PRIMARY KEY, email text, card_id int {members});
CREATE TABLE cards (id int PRIMARY KEY, member_id int NOT NULL REFERENCES members);
INSERT INTO members SELECT n, 'person' || n || '@people.example', {value} FROM generate_series(1, 3) n;
INSERT INTO cards SELECT n, n FROM generate_series(1, 3) n;
UPDATE members SET card_id = id;
ALTER TABLE members ADD CONSTRAINT card FOREIGN KEY (card_id) REFERENCES cards {key};
"""


@pytest.mark.parametrize(("members", "value", "key"), [("", "NULL", ""), ("NOT NULL", "0", "DEFERRABLE")])
async def test_a_circle_of_foreign_keys_is_opened_by_nulling_or_by_deferring(
    opened: Opened, postgres_dsn: str, members: str, value: str, key: str
) -> None:
    dataset = CIRCLE.replace("            lethe: {owner: false}\n", "").replace(
        "cards.id}]", "cards.id, direction: from}]"
    )
    dataset = CIRCLE if not members else dataset
    connector = await opened(CIRCLE_TABLES.format(members=members, value=value, key=key), dataset)
    [answer] = await connector.erase([person(2)])
    assert answer.outcome is Outcome.DONE, answer
    assert await fetch(postgres_dsn, "SELECT id FROM members UNION ALL SELECT id FROM cards") == [
        (1,),
        (3,),
        (1,),
        (3,),
    ]


async def test_a_circle_that_cannot_be_opened_is_refused(opened: Opened, postgres_dsn: str) -> None:
    dataset = CIRCLE.replace("            lethe: {owner: false}\n", "").replace(
        "cards.id}]", "cards.id, direction: from}]"
    )
    connector = await opened(CIRCLE_TABLES.format(members="NOT NULL", value="0", key=""), dataset)
    before = await snapshot(postgres_dsn)
    [answer] = await connector.erase([person(2)])
    assert answer.failure is not None
    assert answer.failure.code == "foreign_key_cycle"
    assert await snapshot(postgres_dsn) == before


async def test_a_tree_of_own_rows_goes_as_a_whole_and_only_with_its_owner(opened: Opened, postgres_dsn: str) -> None:
    tables = """
    CREATE TABLE members (id int PRIMARY KEY, email text);
    CREATE TABLE folders (id int PRIMARY KEY, member_id int REFERENCES members, parent int REFERENCES folders);
    INSERT INTO members SELECT n, 'person' || n || '@people.example' FROM generate_series(1, 3) n;
    INSERT INTO folders VALUES (1, 1, NULL), (2, NULL, 1), (3, NULL, 2), (4, NULL, 3), (5, 2, NULL), (6, NULL, 5);
    """
    folders = f"""
      - name: folders
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: parent, fides_meta: {{references: [{{dataset: tiny, field: folders.id, direction: from}}]}}}}
"""
    connector = await opened(tables, HEAD + MEMBERS + folders)
    [answer] = await connector.erase([person(1)])
    assert {c.collection: c.rows for c in answer.counts} == {"members": 1, "folders": 4}
    assert await fetch(postgres_dsn, "SELECT id FROM folders ORDER BY id") == [(5,), (6,)]


async def test_keys_of_every_type_and_names_that_need_quotes(opened: Opened, postgres_dsn: str) -> None:
    tables = """
    CREATE TYPE colour AS ENUM ('red', 'blue');
    CREATE DOMAIN short_text AS varchar(12);
    CREATE TABLE members (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email char(60), "Order" short_text UNIQUE);
    CREATE TABLE "Odd" (a numeric, b date, c colour, "select" varchar(12) REFERENCES members ("Order"),
        d timestamptz, e bytea, PRIMARY KEY (a, b, c, d, e));
    INSERT INTO members (email, "Order") SELECT 'person' || n || '@people.example', 'm' || n FROM generate_series(1, 3) n;
    INSERT INTO "Odd" SELECT n / 3.0, '2020-01-01', 'red', 'm' || n, now(), '\\x01' FROM generate_series(1, 3) n;
    """
    odd = """          - {name: Order}
      - name: Odd
        lethe: {erase: delete}
        fields:
          - {name: a, fides_meta: {primary_key: true}}
          - {name: b, fides_meta: {primary_key: true}}
          - {name: c, fides_meta: {primary_key: true}}
          - {name: d, fides_meta: {primary_key: true}}
          - {name: e, fides_meta: {primary_key: true}}
          - {name: select, fides_meta: {references: [{dataset: tiny, field: members.Order, direction: from}]}}
"""
    sink = Collected()
    connector = await opened(tables, HEAD + MEMBERS + odd)
    await connector.export([person(2)], sink)
    assert [r["e"] for r in sink.of(person(2))["Odd"]] == ["AQ=="]
    [answer] = await connector.erase([person(2)])
    assert {c.collection: c.rows for c in answer.counts} == {"members": 1, "Odd": 1}
    assert (await connector.verify([person(2)]))[0].outcome is Outcome.NOTHING_FOUND
    assert await fetch(postgres_dsn, 'SELECT count(*) FROM "Odd"') == [(2,)]


async def test_pseudonyms_fit_their_columns_and_stay_the_same(opened: Opened, postgres_dsn: str) -> None:
    tables = """
    CREATE TABLE members (id int PRIMARY KEY, email varchar(40) UNIQUE NOT NULL, phone text NOT NULL, code char(2) NOT NULL,
        token uuid NOT NULL, born date NOT NULL, seen timestamptz NOT NULL, small smallint NOT NULL, note json);
    INSERT INTO members SELECT n, 'person' || n || '@people.example', '+49 1', 'de', gen_random_uuid(), now(), now(), n,
        '{"a": {"secret": 1, "open": [1, {"secret": 2}]}, "secret": 3, "odd": {"inner": "text"}}' FROM generate_series(1, 9) n;
    """
    treated = "".join(
        f"          - {{name: {n}, data_categories: [{c}], lethe: {{erase: pseudonymise}}}}\n"
        for n, c in [
            *[("phone", "user.contact.phone_number"), ("code", "user.name"), ("token", "user.unique_id")],
            *[("born", "user.name"), ("seen", "user.name"), ("small", "user.name")],
        ]
    )
    dataset = (
        HEAD
        + MEMBERS.replace("erase: delete", "erase: fields")
        + treated
        + """
          - name: note
            fields:
              - name: a
                fields:
                  - {name: secret, data_categories: [user.name], lethe: {erase: null}}
                  - name: open
                    fields: [{name: secret, data_categories: [user.name], lethe: {erase: delete}}]
              - {name: secret, data_categories: [user.name], lethe: {erase: delete}}
              - name: odd
                fields:
                  - name: inner
                    fields: [{name: deep, data_categories: [user.name], lethe: {erase: delete}}]
"""
    )
    dataset = dataset.replace("{identity: email}}", "{identity: email}, lethe: {erase: pseudonymise}}")
    connector = await opened(tables, dataset)
    answers = await connector.erase([person(1), person(2)])
    assert {(c.method, c.rows) for a in answers for c in a.counts} == {(Method.NULLED, 1), (Method.PSEUDONYMISED, 1)}
    rows = await fetch(postgres_dsn, "SELECT email, phone, code, born, small, note::text FROM members WHERE id < 3")
    assert len({r[0] for r in rows}) == 2
    for email, phone, code, born, small, note in rows:
        assert str(email).endswith("@pseudonym.invalid")
        assert str(phone).startswith("+999")
        assert len(str(code)) == 2
        assert str(born) < "2000"
        assert isinstance(small, int)
        # elements that are no objects, and values of another shape than described, do not survive
        assert str(note) == '{"a": {"open": [null, {}], "secret": null}, "odd": {"inner": null}}'
    assert (await connector.verify([person(1)]))[0].outcome is Outcome.NOTHING_FOUND


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
    opened: Opened, postgres_dsn: str, change: str, code: str
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


async def test_a_table_that_vanishes_while_the_plan_is_remembered_is_told_too(
    opened: Opened, postgres_dsn: str
) -> None:
    connector = await opened(THREE_TABLES, THREE)
    assert (await connector.erase([person(2)]))[0].outcome is Outcome.DONE
    await run_sql(postgres_dsn, "DROP TABLE fines")
    for _ in range(2):  # first by the statement that fails, then by the catalogue that is read again
        [answer] = await connector.erase([person(3)])
        assert answer.failure is not None
        assert answer.failure.code == "missing_table"
