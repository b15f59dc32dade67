"""Transmissions, in intake's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.application.transmit import Due
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from intake.domain.transmission import Answer, TransmissionState
    from lethe_postgres import Database


class PostgresTransmissions:
    """Implements `application.transmit.Ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries("intake.adapters", "transmission.sql")

    async def claim(self, now: datetime) -> Sequence[Due]:
        await self._database.execute(self._sql["end_without_copy"])
        rows = await self._database.fetch(self._sql["claim_transmissions"], now)
        return [Due(r["controller_id"], r["dsr_id"], r["target"], r["document_id"], r["attempts"]) for r in rows]

    async def record(
        self,
        due: Due,
        state: TransmissionState,
        answer: Answer,
        problem: str | None,
        *,
        at: datetime,
        next_at: datetime,
    ) -> None:
        await self._database.execute(
            self._sql["record_transmission"],
            due.controller_id,
            due.dsr_id,
            due.attempts,
            state.value,
            answer.status,
            answer.receipt_sha256,
            problem,
            at,
            next_at,
        )
