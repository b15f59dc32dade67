"""The key of intake's own hashes: random, wrapped by the deployment's key provider, kept in intake's schema."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from intake.domain.fingerprint import KEY_BYTES
from lethe_postgres import load_queries
from lethe_vault import Wrapped

if TYPE_CHECKING:
    from lethe_postgres import Database
    from lethe_vault import KeyProvider


async def fingerprint_secret(database: Database, keys: KeyProvider) -> bytes:
    """Of what is compared with rows stored long ago."""
    return await _secret(database, keys, "fingerprint")


async def code_secret(database: Database, keys: KeyProvider) -> bytes:
    """Of the codes by which people show who they are."""
    return await _secret(database, keys, "identity-code")


async def _secret(database: Database, keys: KeyProvider, name: str) -> bytes:
    """Created on first use, then the same for ever, for every instance."""
    context = f"lethe-intake/{name}".encode()
    offered = keys.wrap(os.urandom(KEY_BYTES), context)
    sql = load_queries("intake.adapters")["keep_secret"]
    row = None
    while row is None:  # another instance may have committed its own between our snapshot and our insert
        row = await database.fetchrow(sql, name, offered.key_id, offered.blob)
    return keys.unwrap(Wrapped(row["key_id"], bytes(row["wrapped_key"])), context)
