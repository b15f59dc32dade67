"""The outbox: what committed work still has to publish."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from lethe_messaging.chunk import pack, unpack
from lethe_postgres import Queries, load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from lethe_events import Record
    from lethe_postgres import Database, Tx


class Chunk(NamedTuple):
    """One outbox row: the records of one unit of work."""

    id: int
    records: Sequence[Record]
    attempts: int = 0


class OutboxState(NamedTuple):
    rows: int
    oldest: float | None
    """Unix seconds."""


@cache
def sql() -> Queries:
    """The named statements of messaging."""
    return load_queries("lethe_messaging")


class Outbox:
    """The table, seen by one instance."""

    def __init__(self, database: Database, instance_id: UUID) -> None:
        self._database = database
        self._me = instance_id

    async def write(self, tx: Tx, records: Sequence[Record], *, relayed: bool) -> Chunk:
        """One row in the transaction of the work itself. `relayed`: the writer will not publish it."""
        row_id = await tx.fetchval(sql()["write_outbox"], self._me, relayed, len(records), pack(records))
        return Chunk(row_id, records)

    async def delete(self, ids: Collection[int]) -> None:
        """The broker has them. Idempotent."""
        await self._database.execute(sql()["delete_outbox"], list(ids))

    async def leave_to_relay(self, chunk: Chunk, pause: float) -> None:
        """Keep only what `chunk` still holds, for the relay, after `pause` seconds. Idempotent."""
        await self._database.execute(
            sql()["leave_to_relay"], chunk.id, len(chunk.records), pack(chunk.records), timedelta(seconds=pause)
        )

    async def sweep(self, held: Collection[int], older_than: float, records: int) -> list[Chunk]:
        """What the relay has to publish, oldest first, at least `records` records if there are so many."""
        rows = await self._database.fetch(
            sql()["sweep_outbox"], self._me, list(held), timedelta(seconds=older_than), records
        )
        return [Chunk(row["id"], unpack(row["chunk"]), row["attempts"]) for row in rows]

    async def state(self) -> OutboxState:
        row = await self._database.fetchrow(sql()["outbox_state"])
        assert row is not None
        return OutboxState(row["rows"], row["oldest"])

    async def relay_is_behind(self, chunk: Chunk) -> bool:
        """The relay still has to publish something that this writer wrote before `chunk`."""
        return bool(await self._database.fetchval(sql()["left_before"], self._me, chunk.id))
