"""Seals as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_postgres import crashpoint, load_queries
from orchestrator.domain.merkle import Leaf

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from lethe_postgres import Tx
    from orchestrator.application.sealing import Seal

CHUNKS = 2_000
"""Transactions under one seal, at most; more wait for the next one."""


class PostgresSeals:
    """Implements `SealStore`."""

    def __init__(self) -> None:
        self._sql = load_queries("orchestrator.adapters", "audit.sql")

    async def take_unsealed(self, tx: Tx) -> tuple[datetime, list[Leaf]] | None:
        if not await tx.fetchval(self._sql["may_seal"]):
            return None
        chunks = await tx.fetch(self._sql["take_unsealed"], CHUNKS)
        if not chunks:
            return None
        crashpoint("seal.taken")
        newest: dict[UUID, Leaf] = {}
        for chunk in chunks:
            for saga_id, seq, head in zip(chunk["saga_ids"], chunk["seqs"], chunk["heads"], strict=True):
                known = newest.get(saga_id)
                if known is None or known.seq < seq:
                    newest[saga_id] = Leaf(saga_id, seq, head)
        return chunks[0]["now"], sorted(newest.values())

    async def last(self, tx: Tx) -> tuple[int, str] | None:
        row = await tx.fetchrow(self._sql["last_seal"])
        return None if row is None else (row["number"], row["root"].hex())

    async def put(self, tx: Tx, seal: Seal) -> None:
        await tx.execute(
            self._sql["put_seal"],
            seal.number,
            seal.at,
            len(seal.leaves),
            bytes.fromhex(seal.root),
            bytes.fromhex(seal.previous),
            seal.key_id,
            seal.signature,
            [leaf.saga_id for leaf in seal.leaves],
            [leaf.seq for leaf in seal.leaves],
            [leaf.head for leaf in seal.leaves],
        )
        crashpoint("seal.written")
