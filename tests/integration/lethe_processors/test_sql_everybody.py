"""Of whom a database holds data: exactly those whom its own tables name, at the time that is asked about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from lethe_processors.connector import Enumerates, Somebody
from lethe_processors.errors import Unreadable
from lethe_testkit.described import connect, fetch, run_sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lethe_processors.register import Processor

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
async def shop(processor: Processor, dsn: str) -> AsyncIterator[Enumerates]:
    made = connect(processor, dsn)
    assert isinstance(made, Enumerates)
    yield made
    await made.close()


async def asked(shop: Enumerates, *categories: str, until: datetime = FUTURE) -> list[Somebody]:
    return [one async for group in shop.everybody(categories, until) for one in group]


def emails(people: list[Somebody], *, certain: bool | None = None) -> set[str]:
    return {
        value
        for one in people
        for kind, value in one.identifiers
        if kind == "email" and (certain is None or one.certain == certain)
    }


async def told(dsn: str, sql: str, *arguments: object) -> set[str]:
    return {str(row[0]) for row in await fetch(dsn, sql, *arguments)}


async def test_everybody_whose_rows_are_reached_is_named_and_nobody_else(shop: Enumerates, dsn: str) -> None:
    """By other queries than the connector's own: written by hand, from the tables."""
    whole = await told(
        dsn,
        "SELECT lower(email) FROM shop.customers UNION SELECT lower(email) FROM shop.newsletter_subscriptions"
        " UNION SELECT lower(recipient_email) FROM shop.gift_cards WHERE recipient_email IS NOT NULL",
    )
    assert emails(await asked(shop)) == whole
    cards = "SELECT lower(c.email) FROM shop.customers c JOIN shop.payment_cards p ON p.customer_id = c.id"
    loans = "SELECT lower(c.email) FROM shop.customers c JOIN shop.loans l ON l.customer_id = c.id"
    assert emails(await asked(shop, "user.financial")) == await told(dsn, f"{cards} UNION {loans}")
    assert emails(await asked(shop, "user.financial.credit_card")) == await told(dsn, cards)
    returns = (
        "SELECT lower(c.email) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id"
        " JOIN shop.order_items i ON i.order_id = o.id LEFT JOIN shop.returns r ON (r.order_id, r.line_no) ="
        " (i.order_id, i.line_no) WHERE r.reason IS NOT NULL OR i.engraving IS NOT NULL"
        " UNION SELECT lower(c.email) FROM shop.customers c JOIN shop.reviews v ON v.customer_id = c.id"
        " WHERE v.body IS NOT NULL UNION SELECT lower(c.email) FROM shop.customers c JOIN shop.support_visits s"
        " ON s.customer_id = c.id WHERE s.details IS NOT NULL UNION SELECT lower(recipient_email) FROM shop.gift_cards"
        " WHERE message IS NOT NULL AND recipient_email IS NOT NULL UNION SELECT lower(c.email) FROM shop.customers c"
        " JOIN shop.gift_cards g ON c.id IN (g.buyer_id, g.recipient_id) WHERE g.message IS NOT NULL"
    )
    assert emails(await asked(shop, "user.content")) == await told(dsn, returns)
    assert await asked(shop, "user.biometric") == []


async def test_who_was_recorded_later_is_left_out_and_what_has_no_date_is_only_possible(
    shop: Enumerates, dsn: str
) -> None:
    moment = (await fetch(dsn, "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY placed_at) FROM shop.orders"))[0][0]
    assert isinstance(moment, datetime)
    until = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    found = await asked(shop, "user.behavior", until=until)
    early = await told(
        dsn,
        "SELECT lower(c.email) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id"
        " WHERE o.placed_at <= $1",
        moment,
    )
    later = await told(
        dsn,
        "SELECT lower(c.email) FROM shop.customers c WHERE EXISTS (SELECT FROM shop.orders o WHERE o.customer_id = c.id"
        " AND o.placed_at > $1) AND NOT EXISTS (SELECT FROM shop.orders o WHERE o.customer_id = c.id AND"
        " o.placed_at <= $1) AND NOT EXISTS (SELECT FROM shop.loyalty_accounts l WHERE l.customer_id = c.id)"
        " AND NOT EXISTS (SELECT FROM shop.gift_cards g WHERE c.id IN (g.buyer_id, g.recipient_id))",
        moment,
    )
    customers = await told(dsn, "SELECT lower(email) FROM shop.customers")
    assert emails(found, certain=True) == early
    assert emails(found, certain=False) & customers
    items = await told(
        dsn,
        "SELECT lower(c.email) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id"
        " JOIN shop.order_items i ON i.order_id = o.id",
    )
    assert not (later - items) & emails(found)
    assert emails(await asked(shop, "user.authorization")) == customers
    assert await asked(shop, "user.authorization", until=until - timedelta(days=36_500)) == []


async def test_people_come_with_how_they_can_be_reached(shop: Enumerates, dsn: str) -> None:
    row = (await fetch(dsn, "SELECT email, language FROM shop.customers ORDER BY id LIMIT 1"))[0]
    assert row in {(one.email, one.language) for one in await asked(shop)}
    assert "@" not in repr(await asked(shop))


async def test_reading_everybody_changes_nothing_and_a_database_that_is_not_there_is_told_by_its_code(
    processor: Processor, dsn: str, shop: Enumerates
) -> None:
    await run_sql(dsn, "ALTER TABLE shop.customers RENAME TO gone")
    with pytest.raises(Unreadable) as broken:
        await asked(shop)
    assert broken.value.answer.failure is not None
    away = connect(processor, dsn, read="postgresql://nobody@127.0.0.1:9/none")
    assert isinstance(away, Enumerates)
    with pytest.raises(Unreadable, match="database_unavailable"):
        await asked(away)
    await away.close()
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with shop._read.connection() as tx:  # type: ignore[attr-defined]
            await tx.execute("CREATE TABLE public.x (n int)")
