"""Databases of any shape that PostgreSQL allows: keys, circles, trees, types, JSON."""

# ruff: noqa: E501 - SQL and YAML as they are written elsewhere
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_events.words import Grade, Method, Outcome
from lethe_testkit.described import HEAD, MEMBERS, OF_MEMBER, Bench, Collected, fetch, person, run_sql, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def opened(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, postgres_dsn)
    yield bench
    await bench.close()


async def test_composite_references_are_followed_by_all_their_fields_together(opened: Bench, postgres_dsn: str) -> None:
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
    opened: Bench, postgres_dsn: str
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


async def test_an_identifier_in_an_array_inside_a_json_column_is_found_by_verification(
    opened: Bench, postgres_dsn: str
) -> None:
    tables = """
    CREATE TABLE members (id int PRIMARY KEY, email text);
    CREATE TABLE talks (id int PRIMARY KEY, member_id int REFERENCES members, said jsonb);
    INSERT INTO members VALUES (1, 'person1@people.example'), (2, 'person2@people.example');
    INSERT INTO talks VALUES (1, 2, '{"copies": [{"to": "a@people.example"}, {"to": "PERSON1@people.example"}], "lines": ["x", "person1@people.example"]}');
    """
    talks = f"""
      - name: talks
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - name: said
            fields:
              - name: copies
                fides_meta: {{data_type: "object[]"}}
                fields: [{{name: to, data_categories: [user.contact.email]}}]
              - {{name: lines, data_categories: [user.contact.email], fides_meta: {{data_type: "string[]"}}}}
"""
    connector = await opened(tables, HEAD + MEMBERS + talks)
    await connector.erase([person(1)])
    [answer] = await connector.verify([person(1)])
    assert (answer.outcome, {c.collection: c.rows for c in answer.counts}) == (Outcome.RESIDUAL, {"talks": 1})
    await run_sql(postgres_dsn, "UPDATE talks SET said = said #- '{copies}'")
    assert (await connector.verify([person(1)]))[0].outcome is Outcome.RESIDUAL
    await run_sql(postgres_dsn, "UPDATE talks SET said = said #- '{lines}'")
    assert (await connector.verify([person(1)]))[0].outcome is Outcome.NOTHING_FOUND


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


MENTION = "            lethe: {owner: false}\n"
OWNED = CIRCLE.replace(MENTION, "").replace("cards.id}]", "cards.id, direction: from}]")


@pytest.mark.parametrize(
    ("dataset", "members", "value", "key"),
    [(CIRCLE, "", "NULL", ""), (OWNED, "", "NULL", ""), (OWNED, "NOT NULL", "0", "DEFERRABLE")],
)
async def test_a_circle_of_foreign_keys_is_opened_by_nulling_or_by_deferring(
    opened: Bench, postgres_dsn: str, dataset: str, members: str, value: str, key: str
) -> None:
    connector = await opened(CIRCLE_TABLES.format(members=members, value=value, key=key), dataset)
    [answer] = await connector.erase([person(2)])
    assert answer.outcome is Outcome.DONE, answer
    assert await fetch(postgres_dsn, "SELECT id FROM members UNION ALL SELECT id FROM cards") == [
        (1,),
        (3,),
        (1,),
        (3,),
    ]


async def test_a_circle_that_cannot_be_opened_is_refused(opened: Bench, postgres_dsn: str) -> None:
    dataset = CIRCLE.replace("            lethe: {owner: false}\n", "").replace(
        "cards.id}]", "cards.id, direction: from}]"
    )
    connector = await opened(CIRCLE_TABLES.format(members="NOT NULL", value="0", key=""), dataset)
    before = await snapshot(postgres_dsn)
    [answer] = await connector.erase([person(2)])
    assert answer.failure is not None
    assert answer.failure.code == "foreign_key_cycle"
    assert await snapshot(postgres_dsn) == before


async def test_a_tree_of_own_rows_goes_as_a_whole_and_only_with_its_owner(opened: Bench, postgres_dsn: str) -> None:
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


async def test_keys_of_every_type_and_names_that_need_quotes(opened: Bench, postgres_dsn: str) -> None:
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


async def test_pseudonyms_fit_their_columns_and_stay_the_same(opened: Bench, postgres_dsn: str) -> None:
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


async def test_an_identifier_in_an_array_column_is_found_and_one_that_cannot_be_looked_for_lowers_the_grade(
    opened: Bench, postgres_dsn: str
) -> None:
    tables = """
    CREATE TABLE members (id int PRIMARY KEY, email text);
    CREATE TABLE lists (id int PRIMARY KEY, member_id int REFERENCES members, copies text[], sealed {sealed});
    INSERT INTO members VALUES (1, 'person1@people.example'), (2, 'person2@people.example');
    INSERT INTO lists VALUES (1, 2, '{{x, Person1@people.example}}', NULL);
    """
    lists = f"""
      - name: lists
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: copies, data_categories: [user.contact.email]}}
          - {{name: sealed, data_categories: [user.contact.email]}}
"""
    connector = await opened(tables.format(sealed="text"), HEAD + MEMBERS + lists)
    await connector.erase([person(1)])
    [answer] = await connector.verify([person(1)])
    assert {c.collection: c.rows for c in answer.counts} == {"lists": 1}
    await run_sql(postgres_dsn, "UPDATE lists SET copies = '{}'")
    assert (await connector.verify([person(1)]))[0].grade is Grade.REREAD_ABSENT
    await run_sql(postgres_dsn, "DROP TABLE lists, members")
    connector = await opened(tables.format(sealed="bytea"), HEAD + MEMBERS + lists)
    await run_sql(postgres_dsn, "UPDATE lists SET copies = '{}'")
    await connector.erase([person(1)])
    [answer] = await connector.verify([person(1)])
    assert (answer.outcome, answer.grade) == (Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)


@pytest.mark.parametrize(("until", "left"), [("2999-12-31", "kept"), ("2020-12-31", None)])
async def test_a_retained_field_stays_until_its_end_and_then_its_method_is_carried_out(
    opened: Bench, postgres_dsn: str, until: str, left: str | None
) -> None:
    note = f"""          - name: note
            data_categories: [user.name]
            lethe:
              erase: null
              retain: {{ground: legal_claims, article: GDPR Art. 17(3)(e), category: user.name, until: {until}}}
          - {{name: no, data_categories: [user.unique_id], lethe: {{erase: null}}}}
"""
    members = MEMBERS.replace("erase: delete", "erase: fields").replace(
        "{identity: email}}",
        "{identity: email}, lethe: {retain: {ground: legal_claims, article: GDPR Art. 17(3)(e), category: user.name}}}",
    )
    tables = "CREATE TABLE members (id int PRIMARY KEY, email text, note text, no int);"
    connector = await opened(
        tables + "INSERT INTO members VALUES (1, 'person1@people.example', 'kept', 3)", HEAD + members + note
    )
    [answer] = await connector.erase([person(1)])
    assert await fetch(postgres_dsn, "SELECT * FROM members") == [(1, "person1@people.example", left, None)]
    assert answer.outcome is Outcome.RETAINED
    [kept] = answer.retained
    assert (kept.rows, kept.until) == (1, None)
    [answer] = await connector.verify([person(1)])
    assert (answer.outcome, answer.retained) == (Outcome.RETAINED, (kept,))
    await run_sql(postgres_dsn, "UPDATE members SET note = 'back', no = NULL")
    outcome = Outcome.RETAINED if left else Outcome.RESIDUAL
    assert (await connector.verify([person(1)]))[0].outcome is outcome
