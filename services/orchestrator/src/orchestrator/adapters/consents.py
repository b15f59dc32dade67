"""The ledger of consents, in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events import ConsentState
from lethe_postgres import load_queries
from orchestrator.application.consents import Said

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lethe_events import ConsentChanged
    from lethe_postgres import Database, Tx


class PostgresConsents:
    """Implements `application.consents.Ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries("orchestrator.adapters", "consents.sql")

    async def enter(self, tx: Tx, entries: Sequence[ConsentChanged]) -> Collection[int]:
        rows = await tx.fetch(
            self._sql["enter_consents"],
            [e.controller_id for e in entries],
            [e.processor_id for e in entries],
            [e.subject_token for e in entries],
            [e.purpose for e in entries],
            [e.state.value for e in entries],
            [e.said_by for e in entries],
            [e.at for e in entries],
            [e.dsr_id for e in entries],
        )
        return {row["n"] - 1 for row in rows}

    async def of(self, processor_id: str, token: str, controllers: Collection[str]) -> Sequence[Said]:
        rows = await self._database.fetch(self._sql["consents_of"], processor_id, token, list(controllers))
        return [Said(r["purpose"], ConsentState(r["state"]), r["said_by"], r["at"], r["dsr_id"]) for r in rows]
