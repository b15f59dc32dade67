"""Rows that PostgreSQL follows itself: what is told of them, and done to them, is as if each had been looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from lethe_events.words import Method
from lethe_example_shop import person_number
from lethe_processors.credentials import Credentials
from lethe_processors.dataset import Graph
from lethe_processors.sql.erase import erase_batch
from lethe_processors.sql.export import export_batch
from lethe_processors.sql.side import Side
from lethe_testkit.described import HEAD, MEMBERS, OF_MEMBER, Collected, described, person, run_sql, snapshot
from lethe_testkit.shop import SEED, fill_shop, shop_entry
from lethe_testkit.tasks import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from lethe_processors.connector import Answer, WorkItem
    from lethe_processors.register import Processor
    from lethe_processors.sql.plan import Plan

KEY = b"k" * 32


@dataclass
class Opened:
    """One processor's database; what is erased here is taken back."""

    dsn: str
    side: Side

    async def plan(self) -> Plan:
        async with self.side.connection() as tx:
            return (await self.side.plan(tx))[0]

    async def erased(self, plan: Plan, items: Sequence[WorkItem]) -> tuple[list[Answer], dict[str, set[str]]]:
        """The answers, and what would be left."""
        async with self.side.connection() as tx:
            transaction = tx.transaction()
            await transaction.start()
            answers = await erase_batch(tx, plan, items, key=KEY, now=NOW)
            left = {
                name: {r[0] for r in await tx.fetch(f"SELECT to_jsonb(t)::text FROM {bound.table.quoted} t")}
                for name, bound in plan.bound.items()
            }
            await transaction.rollback()
        return answers, left

    async def exported(self, plan: Plan, items: Sequence[WorkItem]) -> tuple[list[Answer], Collected]:
        sink = Collected()
        async with self.side.connection() as tx, tx.transaction():
            return await export_batch(tx, plan, items, sink, key=KEY), sink


def walked(plan: Plan) -> Plan:
    """The same plan without branches."""
    plain = replace(plan)
    vars(plain).update(erasable={}, readable={})
    return plain


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[Processor, str], Opened]]:
    made: list[Side] = []

    def open_(processor: Processor, dsn: str) -> Opened:
        assert processor.dataset is not None
        graph = Graph(processor.dataset, processor.identities)
        made.append(Side(graph, Credentials({"DSN": dsn}), "env:DSN", size=2, reading=False, has_key=True))
        return Opened(dsn, made[-1])

    yield open_
    for side in made:
        await side.close()


@pytest.fixture
async def shop(
    postgres_copy: Callable[[str, Callable[[str], Awaitable[None]]], Awaitable[str]],
    opened: Callable[[Processor, str], Opened],
) -> Opened:
    return opened(shop_entry(), await postgres_copy("shop", fill_shop))


def customer(number: int) -> WorkItem:
    who = person_number(number, SEED)
    return person(number, email=who.email, customer_id=who.customer_no)


async def test_of_the_shop_the_collections_that_hang_by_one_reference_are_left_to_the_database(shop: Opened) -> None:
    plan = await shop.plan()
    gone = {"payment_cards", "order_items", "returns", "loyalty_accounts", "loyalty_events"}
    assert set(plan.erasable) == gone
    assert set(plan.readable) == gone | {"reviews", "loans", "loan_payments"}
    assert [e.target for e in plan.erasable["returns"].path] == ["order_items", "orders"]


async def test_erasing_says_and_does_the_same_as_when_every_row_is_looked_at(shop: Opened) -> None:
    plan = await shop.plan()
    items = [customer(n) for n in range(5, 50)]
    assert await shop.erased(plan, items) == await shop.erased(walked(plan), items)


async def test_two_requests_of_one_person_both_tell_of_the_same_rows(shop: Opened) -> None:
    plan, who = await shop.plan(), person_number(5, SEED)
    items = [person(1, email=who.email), person(2, customer_id=who.customer_no), customer(6)]
    answers, left = await shop.erased(plan, items)
    assert (answers, left) == await shop.erased(walked(plan), items)
    lines = [[c.rows for c in a.counts if c.collection == "order_items"] for a in answers]
    assert lines[0] == lines[1] != []


async def test_exporting_gives_the_same_records_as_when_every_row_is_looked_at(shop: Opened) -> None:
    plan = await shop.plan()
    items = [customer(n) for n in range(5, 50)]
    answers, sink = await shop.exported(plan, items)
    expected, other = await shop.exported(walked(plan), items)
    assert answers == expected
    assert sink.records == other.records
    assert sink.left_out == other.left_out


NOTES = f"""
      - name: notes
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: part, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: about, data_categories: [user.name], lethe: {{about: others}}}}
          - {{name: hidden, data_categories: [user.name], lethe: {{export: false}}}}
"""
TABLES = """
CREATE TABLE members (id int PRIMARY KEY, email text NOT NULL);
CREATE TABLE notes (id text, part date, member_id int NOT NULL REFERENCES members, about text, hidden text,
                    PRIMARY KEY (id, part));
INSERT INTO members SELECT n, 'person' || n || '@people.example' FROM generate_series(1, 4) n;
"""


MEMBERS_KEPT = MEMBERS.replace("identity: email}}", "identity: email}, lethe: {erase: pseudonymise}}")


def tiny(directory: Path, more: str, members: str = MEMBERS) -> Processor:
    categories = ["user.contact", "user.name", "user.unique_id"]
    return described(directory, HEAD + members + more, data_categories=categories)


async def test_keys_of_any_kind_give_the_same_evidence_wherever_they_are_hashed(
    opened: Callable[[Processor, str], Opened], postgres_dsn: str, tmp_path: Path
) -> None:
    odd = r"""INSERT INTO notes VALUES
    ('b', '0044-03-15', 1, 'x', NULL), ('B', '2026-01-01', 1, NULL, 'y'), ('é', '2026-01-01', 1, NULL, NULL),
    ('zz', '2026-01-01', 1, NULL, NULL), (E'a\\b', '2026-01-01', 1, NULL, NULL), (E'a\nb', '2026-01-01', 1, NULL, NULL),
    (E'a\x1fb', '2026-01-01', 1, NULL, NULL), ('😀', '2026-01-02', 2, 'x', 'y'), ('ｚ', '2026-01-02', 2, NULL, NULL),
    ('', '2026-01-02', 3, NULL, NULL)"""
    await run_sql(postgres_dsn, "SET datestyle TO 'SQL, DMY'", TABLES, odd)
    await run_sql(
        postgres_dsn,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET datestyle TO ''SQL, DMY''', current_database()); END $$",
    )
    bench = opened(tiny(tmp_path, NOTES), postgres_dsn)
    plan, items = await bench.plan(), [person(n) for n in range(1, 5)]
    assert set(plan.erasable) == {"notes"}
    assert await bench.erased(plan, items) == await bench.erased(walked(plan), items)
    answers, sink = await bench.exported(plan, items)
    expected, other = await bench.exported(walked(plan), items)
    assert (sink.records, sink.left_out) == (other.records, other.left_out)
    assert [a.counts for a in answers] == [a.counts for a in expected]
    assert {c.rows for c in answers[0].counts if c.method is Method.MASKED} == {2}


async def test_what_something_else_may_refer_to_is_not_a_branch(
    opened: Callable[[Processor, str], Opened], postgres_dsn: str, tmp_path: Path
) -> None:
    """A bill that the law keeps holds on to its note; an undescribed table must not lose what it refers to."""
    bills = """
      - name: bills
        lethe: {erase: delete, retain: {ground: legal_obligation, article: "GDPR Art. 17(3)(b)", category: user.name}}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: note
            fides_meta: {references: [{dataset: tiny, field: notes.id, direction: from}]}
          - name: part
            fides_meta: {references: [{dataset: tiny, field: notes.part, direction: from}]}
"""
    tables = (
        TABLES
        + """
    CREATE TABLE bills (id int PRIMARY KEY, note text NOT NULL, part date NOT NULL,
                        FOREIGN KEY (note, part) REFERENCES notes);
    INSERT INTO notes SELECT 'n', '2026-01-01'::date + n, n FROM generate_series(1, 4) n;
    INSERT INTO bills VALUES (1, 'n', '2026-01-02');
    """
    )
    await run_sql(postgres_dsn, tables)
    bench = opened(
        tiny(tmp_path, NOTES.replace("data_categories: [user.name], ", "") + bills, MEMBERS_KEPT), postgres_dsn
    )
    assert (await bench.plan()).erasable == {}
    await run_sql(
        postgres_dsn,
        "DROP TABLE bills",
        "CREATE TABLE strange (note text, part date, FOREIGN KEY (note, part) REFERENCES notes)",
    )
    bench = opened(tiny(tmp_path, NOTES), postgres_dsn)
    assert (await bench.plan()).erasable == {}
    await run_sql(postgres_dsn, "DROP TABLE strange")
    bench = opened(tiny(tmp_path, NOTES), postgres_dsn)
    assert set((await bench.plan()).erasable) == {"notes"}


async def test_below_rows_that_share_a_value_every_row_is_looked_at(
    opened: Callable[[Processor, str], Opened], postgres_dsn: str, tmp_path: Path
) -> None:
    """Two people's groups have one code: a line under that code hangs on both."""
    groups = f"""
      - name: groups
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: code}}
      - name: lines
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: code, fides_meta: {{references: [{{dataset: tiny, field: groups.code, direction: from}}]}}}}
"""
    tables = """
    CREATE TABLE members (id int PRIMARY KEY, email text NOT NULL);
    CREATE TABLE groups (id int PRIMARY KEY, member_id int, code int);
    CREATE TABLE lines (id int PRIMARY KEY, code int);
    INSERT INTO members SELECT n, 'person' || n || '@people.example' FROM generate_series(1, 4) n;
    INSERT INTO groups VALUES (1, 1, 7), (2, 2, 7), (3, 3, 8);
    INSERT INTO lines VALUES (1, 7), (2, 8);
    """
    await run_sql(postgres_dsn, tables)
    bench = opened(tiny(tmp_path, groups), postgres_dsn)
    plan, items = await bench.plan(), [person(n) for n in (1, 2, 3)]
    assert set(plan.erasable) == {"lines"}, "of this one the root is walked"
    assert await bench.erased(plan, items) == await bench.erased(walked(plan), items)
    before = await snapshot(postgres_dsn)
    await bench.erased(plan, items)
    assert await snapshot(postgres_dsn) == before
