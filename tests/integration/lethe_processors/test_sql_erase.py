"""Erasing people of the example shop: everything declared and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lethe_events.words import FailureKind, Method, Outcome
from lethe_example_shop import DEMO_PERSON, person_number
from lethe_testkit.described import connect, fetch, person, run_sql, snapshot
from lethe_testkit.shop import SEED, asks

if TYPE_CHECKING:
    from lethe_processors.connector import Answer, Connector
    from lethe_processors.register import Processor

DEMO, SPOUSE = 42, 41


def counted(answer: Answer, method: Method) -> dict[str, int]:
    return {c.collection: c.rows for c in answer.counts if c.method is method}


async def belongs(dsn: str, number: int) -> dict[str, set[str]]:
    """The person's rows as JSON text, found by hand-written queries, not by the dataset."""
    own = {
        "customers": "t.id = $1",
        "customer_addresses": "t.customer_id = $1",
        "payment_cards": "t.customer_id = $1",
        "orders": "t.customer_id = $1",
        "order_items": "t.order_id IN (SELECT id FROM shop.orders WHERE customer_id = $1)",
        "returns": "t.order_id IN (SELECT id FROM shop.orders WHERE customer_id = $1)",
        "loyalty_accounts": "t.customer_id = $1",
        "loyalty_events": "t.account_id IN (SELECT id FROM shop.loyalty_accounts WHERE customer_id = $1)",
        "support_visits": "t.customer_id = $1",
        "reviews": "t.customer_id = $1",
        "newsletter_subscriptions": "lower(t.email) = (SELECT lower(email) FROM shop.customers WHERE id = $1)",
        "loans": "t.customer_id = $1 AND outstanding = 0",
        "loan_payments": "t.loan_id IN (SELECT id FROM shop.loans WHERE customer_id = $1 AND outstanding = 0)",
        "gift_cards": "t.buyer_id = $1 OR t.recipient_id = $1",
        "addresses": "t.id IN (SELECT address_id FROM shop.customer_addresses WHERE customer_id = $1) AND t.id NOT IN"
        " (SELECT address_id FROM shop.customer_addresses WHERE customer_id <> $1)",
    }
    found = {}
    for table, condition in own.items():
        rows = await fetch(dsn, f"SELECT to_jsonb(t)::text FROM shop.{table} t WHERE {condition}", number)
        found[table] = {str(r[0]) for r in rows}
    return found


@pytest.mark.parametrize("number", [1, 2, 9, 17, 30, DEMO, 55])
async def test_everything_declared_goes_and_no_row_of_anybody_else_changes(
    shop: Connector, dsn: str, number: int
) -> None:
    mine, before = await belongs(dsn, number), await snapshot(dsn, "shop")
    [answer] = await shop.erase([asks(number)])
    after = await snapshot(dsn, "shop")
    assert answer.outcome in {Outcome.DONE, Outcome.RETAINED}
    for table, rows in before.items():
        gone, new = rows - after[table], after[table] - rows
        if table == "customers":  # the spouse's row that mentions the person loses the mention, and nothing more
            others = {json.loads(r)["id"]: json.loads(r) for r in gone - mine[table]}
            changed = {json.loads(r)["id"]: json.loads(r) for r in new}
            for id_, row in others.items():
                assert row["referred_by"] == number
                assert changed.pop(id_) == {**row, "referred_by": None}
            gone &= mine[table]
        assert gone == mine.get(table, set()), table
        if table in {"support_visits", "reviews", "gift_cards"}:
            continue  # they stay, without the person: looked at below
        if answer.outcome is Outcome.DONE and table != "customers":
            assert new == set(), table


async def test_what_stays_by_design_has_nothing_of_the_person_and_keeps_the_rest(shop: Connector, dsn: str) -> None:
    visits = "SELECT id, visited_at, details FROM shop.support_visits ORDER BY id"
    reviews = "SELECT id, product_id, rating, author_name, body, written_at, customer_id FROM shop.reviews ORDER BY id"
    before = {r[0]: r for r in await fetch(dsn, visits + "")}
    ids = [r[0] for r in await fetch(dsn, "SELECT id FROM shop.support_visits WHERE customer_id = $1", DEMO)]
    review_ids = [r[0] for r in await fetch(dsn, "SELECT id FROM shop.reviews WHERE customer_id = $1", DEMO)]
    rated = {r[0]: r for r in await fetch(dsn, reviews)}
    await shop.erase([asks(DEMO)])
    after = {r[0]: r for r in await fetch(dsn, visits)}
    for id_ in ids:
        old, new = json.loads(str(before[id_][2])), json.loads(str(after[id_][2]))
        assert new["contact"] == {}
        assert new["device"] == {"browser": old["device"]["browser"]}
        assert new["transcript"] == [{**t, "text": None} for t in old["transcript"]]
        assert {k: new[k] for k in ("channel", "seconds")} == {k: old[k] for k in ("channel", "seconds")}
        assert after[id_][1] == before[id_][1]
    for row in await fetch(dsn, reviews):
        if row[0] in review_ids:
            assert row[:3] == rated[row[0]][:3]
            assert str(row[3]).startswith("p-")
            assert row[4] is None
            assert row[6] is None
    left = json.dumps([str(s) for s in (await snapshot(dsn, "shop")).values()])
    for trace in (DEMO_PERSON.email, "Nadia.Petrova", DEMO_PERSON.phone):
        assert trace not in left


async def test_what_the_law_keeps_stays_as_it_was_and_is_told_with_its_ground_and_end(
    shop: Connector, dsn: str
) -> None:
    kept = "SELECT to_jsonb(t)::text FROM shop.loans t WHERE customer_id = $1 AND outstanding > 0"
    paid = (
        "SELECT to_jsonb(p)::text FROM shop.loan_payments p JOIN shop.loans l ON l.id = loan_id "
        "WHERE l.customer_id = $1 AND outstanding > 0"
    )
    before = await fetch(dsn, kept, DEMO), await fetch(dsn, paid, DEMO)
    [answer] = await shop.erase([asks(DEMO)])
    assert answer.outcome is Outcome.RETAINED
    assert (await fetch(dsn, kept, DEMO), await fetch(dsn, paid, DEMO)) == before
    by_name = {r.collection: r for r in answer.retained}
    assert {n: r.rows for n, r in by_name.items()} == {"loans": 1, "loan_payments": 3, "customers": 1}
    assert {(r.ground, r.article) for r in answer.retained} == {("legal_obligation", "GDPR Art. 17(3)(b)")}
    until = by_name["loans"].until
    assert until is not None
    assert until.date().isoformat() == "2036-12-31"
    assert by_name["loan_payments"].until == until
    [row] = await fetch(
        dsn, "SELECT customer_no, phone, date_of_birth, email, last_name FROM shop.customers WHERE id = $1", DEMO
    )
    assert row[:3] == (DEMO_PERSON.customer_no, None, None)
    assert str(row[3]).endswith("@pseudonym.invalid")
    assert str(row[4]).startswith("p-")


async def test_a_retention_whose_end_has_passed_keeps_nothing(shop: Connector, dsn: str) -> None:
    await run_sql(dsn, "UPDATE shop.loans SET keep_until = '2020-01-01'")
    [answer] = await shop.erase([asks(DEMO)])
    assert answer.outcome is Outcome.DONE
    assert await fetch(dsn, "SELECT 1 FROM shop.customers WHERE id = $1", DEMO) == []


async def test_an_unknown_condition_keeps_the_row_because_erasure_cannot_be_undone(shop: Connector, dsn: str) -> None:
    await run_sql(
        dsn, "ALTER TABLE shop.loans ALTER outstanding DROP NOT NULL", "UPDATE shop.loans SET outstanding = NULL"
    )
    [answer] = await shop.erase([asks(DEMO)])
    assert {r.collection: r.rows for r in answer.retained}["loans"] == 2
    assert {r.collection: r.until for r in answer.retained}["loans"] is None


async def test_erasing_again_changes_nothing(shop: Connector, dsn: str) -> None:
    [first] = await shop.erase([asks(DEMO)])
    before = await snapshot(dsn, "shop")
    [again] = await shop.erase([asks(DEMO)])
    assert await snapshot(dsn, "shop") == before
    assert again.counts == ()
    assert again.retained == first.retained
    [gone] = await shop.erase([asks(1)])
    assert gone.outcome is Outcome.DONE
    [again] = await shop.erase([asks(1)])
    assert (again.outcome, again.counts) == (Outcome.NOTHING_FOUND, ())


async def test_a_shared_address_stays_for_the_other_and_goes_with_the_last(shop: Connector, dsn: str) -> None:
    homes = "SELECT address_id FROM shop.customer_addresses WHERE customer_id = ANY ($1) AND label = 'home'"
    [(home,), _] = await fetch(dsn, homes, [11, 12])
    there = "SELECT 1 FROM shop.addresses WHERE id = $1"
    await shop.erase([asks(11)])
    assert await fetch(dsn, there, home) != []
    [answer] = await shop.erase([asks(12)])
    assert await fetch(dsn, there, home) == []
    assert counted(answer, Method.ERASED)["addresses"] >= 1


async def test_people_of_one_home_in_one_batch_take_it_with_them(shop: Connector, dsn: str) -> None:
    [(home,), _] = await fetch(
        dsn, "SELECT address_id FROM shop.customer_addresses WHERE customer_id = ANY ($1) AND label = 'home'", [11, 12]
    )
    answers = await shop.erase([asks(11), asks(12)])
    assert await fetch(dsn, "SELECT 1 FROM shop.addresses WHERE id = $1", home) == []
    assert all(counted(a, Method.ERASED)["addresses"] >= 1 for a in answers)


async def test_a_home_that_somebody_elses_order_goes_to_stays(shop: Connector, dsn: str) -> None:
    [(home,), _] = await fetch(
        dsn, "SELECT address_id FROM shop.customer_addresses WHERE customer_id = ANY ($1) AND label = 'home'", [11, 12]
    )
    await run_sql(dsn, f"UPDATE shop.orders SET shipping_address_id = {home} WHERE customer_id = 20")
    await shop.erase([asks(11), asks(12)])
    assert await fetch(dsn, "SELECT 1 FROM shop.addresses WHERE id = $1", home) != []


async def test_a_row_of_two_people_loses_the_one_and_stays_for_the_other(shop: Connector, dsn: str) -> None:
    card = "SELECT buyer_id, recipient_id, recipient_email, message IS NULL FROM shop.gift_cards WHERE id = 9999999"
    address = person_number(8, SEED).email.upper()
    insert = f"INSERT INTO shop.gift_cards VALUES (9999999, 3, 8, '{address}', 'Alles Gute', 25, now())"
    await run_sql(dsn, insert)
    await shop.erase([asks(3)])
    assert await fetch(dsn, card) == [(None, 8, address, False)]
    await shop.erase([asks(8)])
    assert await fetch(dsn, card) == []
    await run_sql(dsn, insert.replace(" 3, 8,", " 5, NULL,"))  # given to somebody without an account
    await run_sql(dsn, "UPDATE shop.gift_cards SET recipient_email = 'guest@people.example' WHERE id = 9999999")
    await shop.erase([person(999, email="guest@people.example")])
    assert await fetch(dsn, card) == [(5, None, None, True)]


async def test_both_people_of_a_row_in_one_batch_take_it_with_them(shop: Connector, dsn: str) -> None:
    await run_sql(dsn, "INSERT INTO shop.gift_cards VALUES (9999999, 3, 8, NULL, 'Alles Gute', 25, now())")
    await shop.erase([asks(3), asks(8)])
    assert await fetch(dsn, "SELECT 1 FROM shop.gift_cards WHERE id = 9999999") == []


async def test_one_person_asking_twice_in_a_batch_is_erased_once_and_both_are_told(shop: Connector) -> None:
    one, two = await shop.erase([asks(5), asks(5)])
    assert one.outcome is two.outcome is Outcome.DONE
    assert one.counts == two.counts != ()


async def test_a_households_phone_does_not_erase_the_other_one(shop: Connector, dsn: str) -> None:
    """Numbers 9 and 10 share a telephone."""
    assert person_number(9, SEED).phone == person_number(10, SEED).phone
    before = await belongs(dsn, 10)
    await shop.erase([asks(9)])
    assert (await belongs(dsn, 10))["orders"] == before["orders"]
    assert (await belongs(dsn, 10))["customers"] != set()


async def test_a_phone_alone_that_two_people_have_needs_a_person(shop: Connector, dsn: str) -> None:
    before = await snapshot(dsn, "shop")
    [answer] = await shop.erase([asks(9, phone_number=person_number(9, SEED).phone)])
    assert answer.outcome is Outcome.NEEDS_PERSON
    assert answer.failure is not None
    assert answer.failure.code == "ambiguous_identity"
    assert await snapshot(dsn, "shop") == before
    [answer] = await shop.erase([asks(1, phone_number=person_number(1, SEED).phone)])
    assert answer.outcome is Outcome.DONE


async def test_without_any_identifier_of_this_processor_nothing_is_looked_for(shop: Connector) -> None:
    [answer] = await shop.erase([person(3, loyalty_card="4711")])
    assert answer.outcome is Outcome.NOTHING_FOUND
    assert [e.kind for e in answer.evidence] == ["no_identifier_known"]


async def test_evidence_is_the_same_for_the_same_rows_and_another_for_others(processor: Processor, dsn: str) -> None:
    hashes = []
    for number in (5, 5, 7):
        connector = connect(processor, dsn)
        connection = await connector.erase([asks(number)])
        hashes.append(connection[0].evidence)
        await connector.close()
    assert hashes[0] != hashes[2]
    assert all(e.kind == "row_keys_hmac" for h in (hashes[0], hashes[2]) for e in h)


async def test_an_unreachable_database_is_asked_again(processor: Processor) -> None:
    connector = connect(processor, "postgresql://nobody:x@127.0.0.1:9/none")
    for answers in (await connector.erase([asks(1)]), await connector.verify([asks(1)])):
        assert answers[0].failure is not None
        assert (answers[0].failure.kind, answers[0].failure.code) == (FailureKind.TRANSIENT, "database_unavailable")
    await connector.close()
