"""Batches, in intake's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.adapters.store import view_of
from intake.application.batches import BatchView
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from intake.application.views import DsrView
    from lethe_postgres import Database


class PostgresBatches:
    """Implements `application.batches.Shelf`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries("intake.adapters", "batches.sql")

    async def open(self, controller_id: str, batch_id: UUID, key: bytes, *, people: int, at: datetime, by: str) -> UUID:
        found: UUID = await self._database.fetchval(
            self._sql["open_batch"], controller_id, batch_id, key, people, at, by
        )
        return found

    async def find(self, batch_id: UUID, controller_ids: Iterable[str], now: datetime) -> BatchView | None:
        row = await self._database.fetchrow(self._sql["find_batch"], batch_id, list(controller_ids), now)
        return None if row is None else BatchView(**dict(row))

    async def page(
        self, batch_id: UUID, controller_ids: Iterable[str], *, after: UUID | None, state: str | None, limit: int
    ) -> Sequence[DsrView] | None:
        mine = list(controller_ids)
        if not await self._database.fetchval(self._sql["batch_is_there"], batch_id, mine):
            return None
        rows = await self._database.fetch(self._sql["page_of_batch"], batch_id, mine, after, state, limit)
        return [view_of(row) for row in rows]
