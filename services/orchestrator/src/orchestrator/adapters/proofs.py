"""What anybody may check: the register in force, keys, seals, inclusion in a seal; and what is parked."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lethe_messaging import parked_groups
from lethe_postgres import load_queries
from orchestrator.adapters.packing import content_of
from orchestrator.domain.merkle import Leaf, path
from orchestrator.domain.record_parts import instant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    import asyncpg

    from lethe_postgres import Database

Json = dict[str, Any]


class PostgresProofs:
    """Implements `Proofs`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._audit = load_queries("orchestrator.adapters", "audit.sql")
        self._registers = load_queries("orchestrator.adapters", "registers.sql")

    async def register(self, controllers: Collection[str]) -> Json | None:
        """The register in force, cut down to these controllers."""
        row = await self._database.fetchrow(self._registers["in_force"])
        if row is None:
            return None
        theirs = [p for p in row["content"]["processors"].values() if not set(controllers).isdisjoint(p["controllers"])]
        return {
            "version": row["sha256"].hex(),
            "register_id": row["id"],
            "loaded_at": row["loaded_at"],
            "loaded_by": row["loaded_by"],
            "processors": [_entry(p, controllers) for p in theirs],
        }

    async def keys(self) -> list[Json]:
        return [{**dict(row), "alg": "Ed25519"} for row in await self._database.fetch(self._audit["keys"])]

    async def seals(self, before: int | None, limit: int) -> list[Json]:
        """Newest first."""
        return [_seal(row) for row in await self._database.fetch(self._audit["seals"], before, limit)]

    async def inclusion(self, saga_id: UUID, controllers: Collection[str]) -> Json | None:
        """The proof that the last link of this chain that is sealed is under its seal."""
        last = await self._database.fetchrow(self._audit["last_link"], saga_id)
        if last is None or last["controller_id"] not in controllers:
            return None
        row = await self._database.fetchrow(self._audit["seal_of"], saga_id, last["audit_seq"], _made_at(last))
        if row is None:
            return None
        leaves = [Leaf(*leaf) for leaf in zip(row["saga_ids"], row["seqs"], row["heads"], strict=True)]
        index = row["saga_ids"].index(saga_id)
        return {
            "dsr_id": saga_id,
            "seq": leaves[index].seq,
            "head": leaves[index].head.hex(),
            "index": index,
            "path": path(leaves, index),
            "seal": _seal(row),
        }

    async def parked(self) -> list[Json]:
        return [group._asdict() for group in await parked_groups(self._database)]


def _entry(described: Mapping[str, Any], controllers: Collection[str]) -> Json:
    excepted = described["verification"]["excepted"]
    return {
        "processor": described["processor"],
        "name": described["name"],
        "role": described["role"],
        "controllers": [c for c in described["controllers"] if c in controllers],
        "connector": described["connector"]["kind"],
        "verbs": sorted(described["capabilities"]["verbs"]),
        "after": described["after"],
        "verification": "required" if excepted is None else excepted["ground"],
    }


def _made_at(link: asyncpg.Record) -> datetime:
    return datetime.fromisoformat(json.loads(content_of(link))["at"])


def _seal(row: asyncpg.Record) -> Json:
    return {
        "seal": row["number"],
        "at": instant(row["at"]),
        "chains": row["chains"],
        "root": row["root"].hex(),
        "previous": row["previous"].hex(),
        "key_id": row["key_id"],
        "signature": row["signature"],
    }
