"""What a deployment does to the vault, with a role that owns it: install, re-wrap after a key rotation.

Services never do this: they hold EXECUTE on the vault's functions and no right on its tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

import asyncpg

from lethe_postgres import Database, load_queries, migrate
from lethe_vault.keys import Wrapped
from lethe_vault.sealing import key_binding, processor_binding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_postgres import Tx
    from lethe_vault.keys import KeyProvider

SCHEMA = "vault"
BATCH = 1000
_INTERNAL = ("require_committed(bigint)", "redemption_is_history()")


async def install(dsn: str, *, grant_to: Sequence[str], owner: str | None = None) -> None:
    """Create or upgrade the schema and let the roles `grant_to` call its functions. Safe to repeat.

    `owner`: role that is to own everything, and as which the functions run; the role that `dsn` logs in as if not
    given. Give one without LOGIN where `dsn` is a superuser's. Raises asyncpg's UndefinedObjectError for a role that
    does not exist.
    """
    if owner is not None:
        await _hand_schema_to(dsn, owner)
        dsn = f"{dsn}{'&' if '?' in dsn else '?'}role={quote(owner)}"
    database = await Database.connect(dsn, schema=SCHEMA, min_size=1, max_size=2, application_name="lethe-vault")
    try:
        await migrate(database, "lethe_vault")
        async with database.transaction() as tx:
            await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('lethe_vault.grants', 0))")
            await _grant(tx, grant_to)
    finally:
        await database.close()


async def _hand_schema_to(dsn: str, owner: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        quoted = await connection.fetchval("SELECT quote_ident($1)", owner)
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {quoted}")
    finally:
        await connection.close()


async def _grant(tx: Tx, roles: Sequence[str]) -> None:
    await tx.execute(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {SCHEMA} FROM PUBLIC")
    for role in roles:
        quoted = await tx.fetchval("SELECT quote_ident($1)", role)
        await tx.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {quoted}")
        await tx.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {SCHEMA} TO {quoted}")
        for function in _INTERNAL:
            await tx.execute(f"REVOKE ALL ON FUNCTION {SCHEMA}.{function} FROM {quoted}")


async def rewrap_all(dsn: str, keys: KeyProvider) -> int:
    """Wrap every data key and processor key under the current master key; gives how many were re-wrapped.

    Contents are not touched. Safe to repeat and while services run; what is sealed meanwhile under the old key is
    found by the next run, so run it until it gives 0 before a key is retired.
    """
    sql = load_queries("lethe_vault", "admin.sql")
    connection = await asyncpg.connect(dsn)
    try:
        total = 0
        after = UUID(int=0)
        while rows := await connection.fetch(sql["rotation_batch"], keys.current, after, BATCH):
            bindings = [key_binding(row["id"]) for row in rows]
            total += await _rewrap(connection, sql["rewrap"], keys, rows, bindings)
            after = rows[-1]["id"]
        rows = await connection.fetch(sql["processor_rotation_batch"], keys.current)
        bindings = [processor_binding(row["id"]) for row in rows]
        return total + await _rewrap(connection, sql["rewrap_processors"], keys, rows, bindings)
    finally:
        await connection.close()


async def master_keys_in_use(dsn: str) -> frozenset[str]:
    """Every master key that something in the vault is wrapped under."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(load_queries("lethe_vault", "admin.sql")["master_keys_in_use"])
    finally:
        await connection.close()
    return frozenset(row["key_id"] for row in rows)


async def _rewrap(
    connection: asyncpg.Connection, update: str, keys: KeyProvider, rows: list[asyncpg.Record], bindings: list[bytes]
) -> int:
    new = [
        keys.wrap(keys.unwrap(Wrapped(row["key_id"], row["wrapped_key"]), binding), binding)
        for row, binding in zip(rows, bindings, strict=True)
    ]
    if not new:
        return 0
    ids, old = [row["id"] for row in rows], [row["wrapped_key"] for row in rows]
    # One statement per master key: the provider may have been rotated again between two of them.
    changed = 0
    for key_id in {wrapped.key_id for wrapped in new}:
        chosen = [n for n, wrapped in enumerate(new) if wrapped.key_id == key_id]
        status = await connection.execute(
            update, key_id, [ids[n] for n in chosen], [old[n] for n in chosen], [new[n].blob for n in chosen]
        )
        changed += int(status.rsplit(" ", 1)[1])
    return changed
