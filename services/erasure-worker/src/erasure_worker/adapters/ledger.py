"""The ledger of effects, in the worker's own schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_postgres import load_queries
from lethe_processors.runner.answers import is_final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from lethe_postgres import Database, Tx
    from lethe_processors.connector import WorkItem
    from lethe_processors.runner import Settled


class EffectLedger:
    """Table `effect`. Every call is one statement for the whole batch."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries("erasure_worker.adapters")

    async def intend(self, items: Sequence[WorkItem]) -> dict[UUID, datetime]:
        tasks = [item.task for item in items]
        rows = await self._database.fetch(
            self._sql["intend"], [t.task_id for t in tasks], [t.processor_id for t in tasks]
        )
        return {row["task_id"]: row["first_asked_at"] for row in rows if row["asks"] > 1}

    async def take_back(self, task_ids: Sequence[UUID]) -> None:
        await self._database.execute(self._sql["take_back"], list(task_ids))

    async def settled(self, tx: Tx, settled: Sequence[Settled]) -> None:
        """Close the asks whose answers end their tasks for good, in the transaction that stores the answers."""
        ended = [s.task.task_id for s in settled if is_final(s.task.verb, s.answer)]
        if ended:
            await tx.execute(self._sql["done"], ended)

    async def unanswered(self) -> Mapping[str, object]:
        """For health: asks without an answer on record, and the oldest of them."""
        row = await self._database.fetchrow(self._sql["unanswered"])
        assert row is not None
        return {"asks": row["asks"], "oldest": row["oldest"]}
