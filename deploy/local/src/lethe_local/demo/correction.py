"""The correction (Art. 16): one field of the shop's database, before and after, read from the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

from lethe_local.demo.moments import who
from lethe_local.stack import databases
from lethe_local.stack.samples import SHOP_DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIELD = "shop:customers.language"
VALUES = ("en", "fr")
"""What she asks for: the first, unless that is what stands there."""


async def stands(admin: str, customer_no: str) -> str:
    """What the shop holds now."""
    connection = await asyncpg.connect(databases.at(admin, SHOP_DATABASE))
    try:
        return str(await connection.fetchval("SELECT language FROM shop.customers WHERE customer_no = $1", customer_no))
    finally:
        await connection.close()


def wanted(now: str) -> str:
    return next(value for value in VALUES if value != now)


def correction_lines(certificate: Mapping[str, Any], before: str, after: str) -> Iterator[str]:
    """What changed, and that the record holds hashes of both values and neither value."""
    yield f"the field    {FIELD.partition(':')[2]}: {before} → {after}, read from the database"
    for processor in certificate["processors"]:
        for task in processor["tasks"]:
            kinds = [e["kind"] for e in task.get("evidence", ()) if e["kind"].endswith("_hmac")]
            if task["verb"] == "rectify" and kinds:
                yield f"{who(processor['processor']):<12} evidence: {', '.join(sorted(kinds))}: keyed hashes, no values"
