"""Verification finds what an erasure left, by ways that the erasure did not take, and does not cry wolf."""

# ruff: noqa: E501, ISC004 - tables, one case a line
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lethe_events.words import Grade, Method, Outcome
from lethe_example_shop import DEMO_PERSON, create_roles, person_number
from lethe_testkit.databases import in_database
from lethe_testkit.described import connect, fetch, run_sql, snapshot
from lethe_testkit.shop import SEED, asks

if TYPE_CHECKING:
    from lethe_processors.connector import Answer, Connector
    from lethe_processors.register import Processor

DEMO = 42


def found(answer: Answer) -> dict[str, int]:
    return {c.collection: c.rows for c in answer.counts if c.method is Method.FOUND}


async def test_who_was_erased_is_absent_and_the_grade_says_it_was_reread(shop: Connector) -> None:
    await shop.erase([asks(1), asks(2)])
    for answer in await shop.verify([asks(1), asks(2)]):
        assert (answer.outcome, answer.grade, answer.counts) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT, ())
        assert [e.kind for e in answer.evidence] == ["searched"]


async def test_what_the_law_keeps_is_told_apart_from_what_was_left(shop: Connector) -> None:
    [erased] = await shop.erase([asks(DEMO)])
    [answer] = await shop.verify([asks(DEMO)])
    assert (answer.outcome, answer.grade) == (Outcome.RETAINED, Grade.REREAD_ABSENT)
    assert answer.retained == erased.retained


async def test_a_processor_that_says_done_and_did_nothing_is_found_out(shop: Connector) -> None:
    for number in (1, DEMO):
        [answer] = await shop.verify([asks(number)])
        assert answer.outcome is Outcome.RESIDUAL
        assert {"customers", "orders", "support_visits"} <= set(found(answer))


async def test_every_single_table_that_was_forgotten_is_found(shop: Connector, dsn: str) -> None:
    """The person's rows of one table are put back after the erasure, as a forgetful eraser would have left them."""
    await run_sql(dsn, "UPDATE shop.loans SET keep_until = '2020-01-01'")
    before = await snapshot(dsn, "shop")
    await shop.erase([asks(DEMO)])
    after = await snapshot(dsn, "shop")
    left = {t: before[t] - after[t] for t in before if before[t] - after[t]}
    assert len(left) >= 14
    alone = {"customers", "addresses", "newsletter_subscriptions"}
    needs = {
        "order_items": ["customers", "addresses", "orders"],
        "returns": ["customers", "addresses", "orders", "order_items"],
        "loyalty_events": ["customers", "loyalty_accounts"],
        "loan_payments": ["customers", "loans"],
        "customer_addresses": ["customers", "addresses"],
        "orders": ["customers", "addresses"],
        "support_visits": ["customers", "addresses", "orders"],
    }
    for table in sorted(left):
        # the database's own foreign keys ask for the rows above
        chain = [*needs.get(table, [] if table in alone else ["customers"]), table]
        for name in chain:
            await _put_back(dsn, name, left[name])
        [answer] = await shop.verify([asks(DEMO)])
        assert answer.outcome is Outcome.RESIDUAL, table
        assert answer.grade is not Grade.REREAD_ABSENT
        await shop.erase([asks(DEMO)])
        if "addresses" in chain:  # to a home without a link nothing leads any more: a person has to look
            await run_sql(dsn, f"DELETE FROM shop.addresses WHERE id IN ({', '.join(_ids(left['addresses']))})")
        [answer] = await shop.verify([asks(DEMO)])
        assert answer.outcome is Outcome.NOTHING_FOUND, table


def _ids(rows: set[str]) -> list[str]:
    return [str(json.loads(r)["id"]) for r in rows]


async def _put_back(dsn: str, table: str, rows: set[str]) -> None:
    for row in rows:
        quoted = row.replace("'", "''")
        keys = f"SELECT (jsonb_populate_record(NULL::shop.{table}, '{quoted}')).*"
        await run_sql(
            dsn,
            "SET session_replication_role = replica;"  # an address before its link, as any order of restoring would
            f"DELETE FROM shop.{table} t USING ({keys}) r WHERE to_jsonb(t) @> jsonb_build_object('id', to_jsonb(r) -> 'id')"
            f" AND to_jsonb(r) ? 'id'; INSERT INTO shop.{table} {keys}",
        )


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        # a value that the walk never reaches: somebody else's order names this person's address
        ("UPDATE shop.orders SET contact_email = 'Nadia.PETROVA@mail.example' WHERE id = 20 * 32", "orders"),
        # a key inside a JSON column of a row that lost its owner
        ("UPDATE shop.support_visits SET customer_id = NULL, details = jsonb_set(details, '{contact,email}', "
         "'\"nadia.petrova@mail.example\"') WHERE id = (SELECT id FROM shop.support_visits ORDER BY id LIMIT 1)", "support_visits"),
        ("INSERT INTO shop.newsletter_subscriptions VALUES (gen_random_uuid(), 'nadia.petrova@MAIL.example', '{}', now())",
         "newsletter_subscriptions"),
        ("INSERT INTO shop.gift_cards VALUES (77, 20, NULL, 'nadia.petrova@mail.example', 'x', 1, now())", "gift_cards"),
        # the retained account still has what should have been emptied
        ("UPDATE shop.customers SET phone = '+49 000' WHERE id = 42", "customers"),
        ("UPDATE shop.customers SET last_name = 'Petrova' WHERE id = 42", "customers"),
        ("UPDATE shop.customers SET email = 'nadia.petrova@mail.example' WHERE id = 42", "customers"),
        # rows that hang on the retained account without being retained
        ("INSERT INTO shop.payment_cards VALUES (77, 42, 'N. P.', '1234', '2030-01-01')", "payment_cards"),
        ("INSERT INTO shop.loans VALUES (77, 42, 'N. P.', 10, 0, '2020-01-01', NULL)", "loans"),
        ("INSERT INTO shop.reviews VALUES (77, 42, 1, 5, 'p-0', NULL, now())", "reviews"),
        ("INSERT INTO shop.gift_cards VALUES (77, 42, 20, NULL, 'x', 1, now())", "gift_cards"),
        # a row that stays by design, emptied, but still tied to the account that the law keeps
        ("UPDATE shop.reviews SET customer_id = 42 WHERE id = 42 * 32", "reviews"),
        # a home to which nobody belongs any more
        ("INSERT INTO shop.addresses VALUES (77, 'Hafenstraße 1', '1', 'Grünau', 'DE', NULL)", "addresses"),
    ],
)  # fmt: skip
async def test_each_kind_of_residual_is_found(shop: Connector, dsn: str, statement: str, table: str) -> None:
    await shop.erase([asks(DEMO)])
    await run_sql(dsn, statement)
    [answer] = await shop.verify([asks(DEMO)])
    assert answer.outcome is Outcome.RESIDUAL
    assert found(answer) == {table: 1}


async def test_a_residual_of_one_person_is_not_told_of_another(shop: Connector, dsn: str) -> None:
    await shop.erase([asks(1), asks(2)])
    await run_sql(
        dsn,
        f"UPDATE shop.orders SET contact_email = '{person_number(1, SEED).email}' WHERE id = (SELECT min(id) FROM shop.orders)",
    )
    one, two = await shop.verify([asks(1), asks(2)])
    assert (one.outcome, two.outcome) == (Outcome.RESIDUAL, Outcome.NOTHING_FOUND)


async def test_a_household_member_with_the_same_phone_is_no_residual(shop: Connector) -> None:
    assert person_number(9, SEED).phone == person_number(10, SEED).phone
    await shop.erase([asks(9)])
    [answer] = await shop.verify([asks(9)])
    assert answer.outcome is Outcome.NOTHING_FOUND


async def test_a_phone_number_left_where_nobody_owns_it_is_a_residual(shop: Connector, dsn: str) -> None:
    await shop.erase([asks(9)])
    await run_sql(
        dsn,
        "UPDATE shop.support_visits SET customer_id = NULL, details = jsonb_set(details, '{contact}', "
        f'\'{{"phone": "00{person_number(9, SEED).phone[1:]}"}}\') WHERE id = (SELECT min(id::text)::uuid FROM shop.support_visits)',
    )
    [answer] = await shop.verify([asks(9)])
    assert found(answer) == {"support_visits": 1}


async def test_a_retention_that_has_ended_turns_what_is_kept_into_a_residual(shop: Connector, dsn: str) -> None:
    await shop.erase([asks(DEMO)])
    await run_sql(dsn, "UPDATE shop.loans SET keep_until = '2020-01-01' WHERE customer_id = 42")
    [answer] = await shop.verify([asks(DEMO)])
    assert answer.outcome is Outcome.RESIDUAL
    await shop.erase([asks(DEMO)])
    [answer] = await shop.verify([asks(DEMO)])
    assert answer.outcome is Outcome.NOTHING_FOUND


async def test_the_reading_role_suffices_and_cannot_write(processor: Processor, dsn: str, unique: str) -> None:
    reader, eraser = (f"reader_{unique}", "r"), (f"eraser_{unique}", "e")
    await create_roles(dsn, reader=reader, eraser=eraser)
    try:
        reading = dsn.replace(dsn.split("//")[1].split("@", maxsplit=1)[0], ":".join(reader))
        erasing = dsn.replace(dsn.split("//")[1].split("@", maxsplit=1)[0], ":".join(eraser))
        connector = connect(processor, erasing, read=reading)
        assert (await connector.verify([asks(1)]))[0].outcome is Outcome.RESIDUAL
        assert (await connector.erase([asks(1)]))[0].outcome is Outcome.DONE
        assert (await connector.verify([asks(1)]))[0].outcome is Outcome.NOTHING_FOUND
        await connector.close()
        swapped = connect(processor, reading)
        [answer] = await swapped.erase([asks(2)])
        assert answer.failure is not None
        assert answer.failure.code == "insufficient_privilege"
        await swapped.close()
    finally:
        drop = [f"DROP OWNED BY {r}; DROP ROLE {r}" for r, _ in (reader, eraser)]
        await run_sql(in_database(dsn, dsn.rsplit("/", 1)[1]), *drop)


async def test_nothing_is_written_by_a_look(shop: Connector, dsn: str) -> None:
    before = await snapshot(dsn, "shop")
    await shop.verify([asks(n) for n in range(1, 40)])
    assert await snapshot(dsn, "shop") == before
    assert await fetch(dsn, "SELECT email FROM shop.customers WHERE customer_no = $1", DEMO_PERSON.customer_no) != []
