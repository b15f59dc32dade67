"""Rows of searches for the case of a breach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from export_worker.application.ports import Claimed
from lethe_events import SearchAnswered, SearchRequested
from lethe_events.models import read, to_json
from lethe_postgres import crashpoint, load_queries, migrate

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta
    from uuid import UUID

    from lethe_postgres import Database, Tx

PACKAGE = "export_worker.adapters"


class PostgresSearches:
    """`owner`: this process; it is new at every start."""

    def __init__(self, database: Database, owner: UUID) -> None:
        self._database = database
        self._owner = owner
        self._sql = load_queries(PACKAGE, "searches.sql")

    async def migrate(self) -> None:
        await migrate(self._database, PACKAGE)

    async def accept(self, tx: Tx, requests: Sequence[SearchRequested]) -> list[SearchAnswered]:
        ids = [r.task_id for r in requests]
        texts = [to_json(r).decode() for r in requests]
        await tx.execute(self._sql["accept"], ids, [r.processor_id for r in requests], texts)
        rows = await tx.fetch(self._sql["answered"], ids)
        return [read(SearchAnswered, row["answer"].encode()) for row in rows]

    async def claim(self, lease: timedelta, dead: Collection[UUID]) -> Claimed | None:
        row = await self._database.fetchrow(self._sql["claim"], self._owner, lease, list(dead))
        if row is None:
            return None
        crashpoint("search.claimed")
        return Claimed(read(SearchRequested, row["request"].encode()), row["tries"])

    async def again(self, claimed: Claimed, seconds: float) -> None:
        await self._database.execute(self._sql["again"], claimed.request.task_id, self._owner, claimed.tries, seconds)

    async def settle(self, tx: Tx, claimed: Claimed, answer: SearchAnswered) -> bool:
        """False: somebody else has taken it over."""
        text = to_json(answer).decode()
        row = await tx.fetchrow(self._sql["settle"], claimed.request.task_id, self._owner, claimed.tries, text)
        crashpoint("search.settled")
        return row is not None
