"""An export holds what is the person's, and of other people nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lethe_events.words import Method, Outcome
from lethe_example_shop import DEMO_PERSON, person_number
from lethe_testkit.described import Collected, fetch, person, run_sql
from lethe_testkit.shop import SEED, asks

if TYPE_CHECKING:
    from lethe_processors.connector import Connector

DEMO, SPOUSE = 42, 41


async def test_an_export_has_a_row_for_each_row_of_the_person_and_no_other(shop: Connector, dsn: str) -> None:
    sink, item = Collected(), asks(DEMO)
    [answer] = await shop.export([item], sink)
    assert answer.outcome is Outcome.DONE
    records = sink.of(item)
    assert len(records) == 15
    assert {c.collection: c.rows for c in answer.counts if c.method is Method.EXPORTED} == {
        c: len(r) for c, r in records.items()
    }
    for table, column in [("orders", "customer_id"), ("loans", "customer_id"), ("support_visits", "customer_id")]:
        rows = await fetch(dsn, f"SELECT id::text FROM shop.{table} WHERE {column} = $1", DEMO)
        assert {str(r["id"]) for r in records[table]} == {r[0] for r in rows}
    [account] = records["customers"]
    assert account["email"] == "Nadia.Petrova@mail.example"  # as it is stored
    assert account["customer_no"] == DEMO_PERSON.customer_no


async def test_nothing_of_the_household_is_told(shop: Connector) -> None:
    sink, item = Collected(), asks(DEMO)
    [answer] = await shop.export([item], sink)
    spouse = person_number(SPOUSE, SEED)
    text = sink.text(item)
    for trace in (spouse.email, spouse.last_name, spouse.first_name, spouse.phone, spouse.customer_no):
        assert trace not in text
    told = sink.left_out[item.task.task_id]
    assert told["addresses"] == ({"doorbell_names"}, 1)
    assert "password_hash" in told["customers"][0]
    masked = {c.collection: c.rows for c in answer.counts if c.method is Method.MASKED}
    assert masked == {c: rows for c, (_, rows) in told.items()}


async def test_in_a_row_of_two_people_each_gets_the_own_part(shop: Connector, dsn: str) -> None:
    other = person_number(8, SEED)
    await run_sql(dsn, f"INSERT INTO shop.gift_cards VALUES (77, 3, 8, '{other.email}', 'Alles Gute, du', 25, now())")
    sink, buyer, recipient = Collected(), asks(3), asks(8)
    await shop.export([buyer, recipient], sink)
    [bought] = [r for r in sink.of(buyer)["gift_cards"] if r["id"] == 77]
    [given] = [r for r in sink.of(recipient)["gift_cards"] if r["id"] == 77]
    assert set(bought) == {"id", "buyer_id", "value", "bought_at"}
    assert set(given) == {"id", "recipient_id", "recipient_email", "message", "value", "bought_at"}
    assert sink.left_out[recipient.task.task_id]["gift_cards"][0] >= {"buyer_id"}


async def test_whoever_referred_somebody_is_not_told_and_who_was_referred_is_not_told_either(
    shop: Connector, dsn: str
) -> None:
    await run_sql(dsn, "UPDATE shop.customers SET referred_by = 3 WHERE id = 8")
    sink, referred, referrer = Collected(), asks(8), asks(3)
    await shop.export([referred, referrer], sink)
    assert "referred_by" not in sink.of(referred)["customers"][0]
    assert len(sink.of(referrer)["customers"]) == 1


async def test_values_arrive_without_loss(shop: Connector, dsn: str) -> None:
    await run_sql(
        dsn, "UPDATE shop.orders SET total = 12345678.90, placed_at = '2024-02-29 23:59:59.123456+01' WHERE id = 3 * 32"
    )
    sink, item = Collected(), asks(3)
    await shop.export([item], sink)
    [order] = [r for r in sink.of(item)["orders"] if r["id"] == 96]
    assert order["total"] == "12345678.90"
    assert order["placed_at"] == "2024-02-29T22:59:59.123456+00:00"
    visit = sink.of(item)["support_visits"][0]["details"]
    assert isinstance(visit, dict)  # JSON stays JSON
    assert visit["contact"]["email"] == person_number(3, SEED).email


async def test_a_large_person_is_written_in_parts(shop: Connector, dsn: str) -> None:
    await run_sql(
        dsn,
        "INSERT INTO shop.loyalty_events "
        "SELECT 1000000 + n, 5 * 32, 'purchase', 1, now() FROM generate_series(1, 2500) n",
    )
    sizes: list[int] = []

    class Counting(Collected):
        async def write(self, item: object, collection: str, records: object) -> None:
            if collection == "loyalty_events":
                sizes.append(len(json.loads(json.dumps(records))))

    [answer] = await shop.export([asks(5)], Counting())
    assert max(sizes) <= 500
    counted = {c.collection: c.rows for c in answer.counts if c.method is Method.EXPORTED}
    assert sum(sizes) == counted["loyalty_events"] > 2500


async def test_nobody_known_gives_nothing(shop: Connector) -> None:
    sink = Collected()
    [answer] = await shop.export([person(1, email="nobody@people.example")], sink)
    assert answer.outcome is Outcome.NOTHING_FOUND
    assert sink.records == {}


async def test_after_erasure_only_what_the_law_keeps_is_exported(shop: Connector) -> None:
    await shop.erase([asks(DEMO)])
    sink, item = Collected(), asks(DEMO)
    await shop.export([item], sink)
    assert {c: len(r) for c, r in sink.of(item).items()} == {"customers": 1, "loans": 1, "loan_payments": 3}
