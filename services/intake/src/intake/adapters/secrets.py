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

_NAME = "fingerprint"
_CONTEXT = b"lethe-intake/fingerprint"


async def fingerprint_secret(database: Database, keys: KeyProvider) -> bytes:
    """Created on first use, then the same for ever, for every instance."""
    offered = keys.wrap(os.urandom(KEY_BYTES), _CONTEXT)
    sql = load_queries("intake.adapters")["keep_secret"]
    row = None
    while row is None:  # another instance may have committed its own between our snapshot and our insert
        row = await database.fetchrow(sql, _NAME, offered.key_id, offered.blob)
    return keys.unwrap(Wrapped(row["key_id"], bytes(row["wrapped_key"])), _CONTEXT)
