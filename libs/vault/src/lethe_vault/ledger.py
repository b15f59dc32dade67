"""Two steps to every key: put the redemption on record and commit it, then collect what the record names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from lethe_postgres import crashpoint, load_queries
from lethe_vault.errors import translate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from lethe_postgres import Database


class Ledger:
    """The vault's functions as one redeemer calls them. Every statement is a transaction of its own."""

    def __init__(self, database: Database, redeemer: str) -> None:
        self._database = database
        self._redeemer = redeemer
        self.sql = load_queries("lethe_vault")

    async def fetch(self, name: str, *args: object) -> list[asyncpg.Record]:
        try:
            return await self._database.fetch(self.sql[name], *args)
        except asyncpg.PostgresError as error:
            translated = translate(error)
            if translated is error:
                raise
            raise translated from error

    async def open(self, reason: str, dsr_ids: Sequence[UUID], task_ids: Sequence[UUID | None]) -> list[asyncpg.Record]:
        """Sealed rows of these DSRs; one line per item goes on record, found or not."""
        return await self._collect("", reason, list(dsr_ids), list(task_ids))

    async def open_document(self, reason: str, document_id: UUID, task_id: UUID | None) -> asyncpg.Record | None:
        rows = await self._collect("_document", reason, document_id, task_id)
        return rows[0] if rows else None

    async def open_processor(
        self, reason: str, processor_id: str, new_key_id: str, new_wrapped_key: bytes
    ) -> asyncpg.Record:
        return (await self._collect("_processor", reason, processor_id, new_key_id, new_wrapped_key))[0]

    async def _collect(self, of: str, reason: str, *args: object) -> list[asyncpg.Record]:
        announced = await self.fetch(f"announce{of}", self._redeemer, reason, *args)
        crashpoint("vault.announced")
        collected = await self.fetch(f"collect{of}", announced[0][0])
        crashpoint("vault.collected")
        return collected
