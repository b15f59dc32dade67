"""Loading the shop brings it to exactly the people asked for."""

from __future__ import annotations

from lethe_example_shop import DEMO_PERSON, load
from lethe_testkit.described import fetch, run_sql, snapshot


async def test_loading_again_brings_back_the_same_people(postgres_dsn: str) -> None:
    counts = await load(postgres_dsn, people=30, seed=3)
    assert counts["customers"] == 31  # and the demonstration's person
    before = await snapshot(postgres_dsn, "shop")
    assert {t: len(r) for t, r in before.items()} == counts
    await run_sql(postgres_dsn, "DELETE FROM shop.returns", "UPDATE shop.customers SET last_name = 'Niemand'")
    await load(postgres_dsn, people=30, seed=3)
    assert await snapshot(postgres_dsn, "shop") == before
    found = await fetch(
        postgres_dsn, "SELECT customer_no FROM shop.customers WHERE lower(email) = $1", DEMO_PERSON.email
    )
    assert found == [(DEMO_PERSON.customer_no,)]
    await load(postgres_dsn, people=2, seed=3)
    assert await fetch(postgres_dsn, "SELECT count(*) FROM shop.customers") == [(3,)]


async def test_a_schema_of_before_is_brought_along(postgres_dsn: str) -> None:
    await load(postgres_dsn, people=2, seed=3)
    await run_sql(
        postgres_dsn,
        "ALTER TABLE shop.customers DROP COLUMN restricted CASCADE",
        "ALTER TABLE shop.newsletter_subscriptions DROP COLUMN restricted CASCADE",
        "DROP TABLE shop.do_not_contact",
    )
    await load(postgres_dsn, people=2, seed=3)
    assert await fetch(postgres_dsn, "SELECT count(*) FROM shop.customers_in_use") == [(3,)]
