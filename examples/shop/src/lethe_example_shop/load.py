"""Fill the shop's database: tables if they are missing, then generated people by COPY."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING

import asyncpg

from lethe_example_shop.person import DEMO_NUMBER
from lethe_example_shop.rows import PRODUCTS, Row, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

CHUNK = 5_000  # people per COPY, so that memory does not grow with their number
# parents before children
COLUMNS: dict[str, tuple[str, ...]] = {
    "customers": (
        *("id", "customer_no", "email", "phone", "first_name", "last_name", "date_of_birth", "password_hash"),
        *("language", "referred_by", "created_at"),
    ),
    "addresses": ("id", "street", "postal_code", "city", "country", "doorbell_names"),
    "customer_addresses": ("customer_id", "address_id", "label"),
    "payment_cards": ("id", "customer_id", "holder_name", "last_digits", "expires_on"),
    "orders": (
        *("id", "order_no", "customer_id", "shipping_address_id", "contact_email", "status", "total", "placed_at"),
    ),
    "order_items": ("order_id", "line_no", "product_id", "quantity", "engraving"),
    "returns": ("id", "order_id", "line_no", "reason", "requested_at"),
    "loyalty_accounts": ("id", "customer_id", "tier", "points"),
    "loyalty_events": ("id", "account_id", "kind", "points", "happened_at"),
    "support_visits": ("id", "customer_id", "order_id", "visited_at", "details"),
    "reviews": ("id", "customer_id", "product_id", "rating", "author_name", "body", "written_at"),
    "newsletter_subscriptions": ("id", "email", "topics", "subscribed_at"),
    "do_not_contact": ("email", "purpose", "since"),
    "loans": ("id", "customer_id", "borrower_name", "principal", "outstanding", "opened_on", "keep_until"),
    "loan_payments": ("loan_id", "paid_on", "amount"),
    "gift_cards": ("id", "buyer_id", "recipient_id", "recipient_email", "message", "value", "bought_at"),
}
_MONEY = {"orders": (6,), "loans": (3, 4), "loan_payments": (2,), "gift_cards": (5,)}


async def load(dsn: str, *, people: int, seed: int = 1) -> dict[str, int]:
    """Bring the schema `shop` to exactly these people, whatever was in it, in one transaction; rows per table.

    The demonstration's person is always among them, however few are asked for.
    """
    numbers = frozenset(range(1, people + 1)) | {DEMO_NUMBER}
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(resources.files(__package__).joinpath("sql/schema.sql").read_text("utf-8"))
            await connection.execute(f"TRUNCATE {', '.join(f'shop.{t}' for t in ('products', *COLUMNS))}")
            products = [(i, f"P-{i:05d}", f"Ware {i}", _price(i, seed)) for i in range(1, PRODUCTS + 1)]
            await connection.copy_records_to_table("products", schema_name="shop", records=products)
            counts = await _copy_people(connection, numbers, seed)
        for table in COLUMNS:
            await connection.execute(f"ANALYZE shop.{table}")
    finally:
        await connection.close()
    return {"products": len(products), **counts}


async def _copy_people(
    connection: asyncpg.Connection[asyncpg.Record], numbers: frozenset[int], seed: int
) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(COLUMNS, 0)
    ordered = sorted(numbers)
    for start in range(0, len(ordered), CHUNK):
        chunk: dict[str, list[Row]] = defaultdict(list)
        # couples stay together: nobody refers to somebody of a later chunk
        for number in ordered[start : start + CHUNK]:
            for table, rows in rows_of(number, numbers, seed).items():
                chunk[table].extend(rows)
        for table, columns in COLUMNS.items():
            records = _typed(table, chunk)
            counts[table] += len(records)
            await connection.copy_records_to_table(table, schema_name="shop", columns=columns, records=records)
    return counts


def _typed(table: str, chunk: Mapping[str, list[Row]]) -> list[Row]:
    money = _MONEY.get(table, ())
    rows = chunk.get(table, [])
    if not money:
        return rows
    return [tuple(Decimal(str(v)) if i in money else v for i, v in enumerate(row)) for row in rows]


def _price(product: int, seed: int) -> Decimal:
    return Decimal(random.Random(f"{seed}/product/{product}").randrange(100, 20_000)) / 100


async def create_roles(dsn: str, *, reader: tuple[str, str], eraser: tuple[str, str]) -> None:
    """Two roles for Lethe (name, password): one may only read, one may also change and delete. Idempotent."""
    connection = await asyncpg.connect(dsn)
    try:
        for (name, password), rights in ((reader, "SELECT"), (eraser, "SELECT, UPDATE, DELETE")):
            role = await connection.fetchval("SELECT quote_ident($1)", name)
            secret = await connection.fetchval("SELECT quote_literal($1)", password)
            if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name):
                await connection.execute(f"CREATE ROLE {role} LOGIN")
            await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD {secret}")
            await connection.execute(f"GRANT USAGE ON SCHEMA shop TO {role}")
            await connection.execute(f"GRANT {rights} ON ALL TABLES IN SCHEMA shop TO {role}")
            if "UPDATE" in rights:  # an objection is put on the list
                await connection.execute(f"GRANT INSERT ON shop.do_not_contact TO {role}")
    finally:
        await connection.close()
