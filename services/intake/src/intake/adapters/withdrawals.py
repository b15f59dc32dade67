"""Requests that were taken back, in intake's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.application.withdraw import Taken
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from lethe_postgres import Tx


class PostgresWithdrawals:
    """Implements `application.withdraw.Shelf`."""

    def __init__(self) -> None:
        self._sql = load_queries("intake.adapters", "withdrawal.sql")

    async def withdraw(
        self, tx: Tx, dsr_id: UUID, controller_ids: Iterable[str], *, at: datetime, by: str
    ) -> Taken | None:
        mine = list(controller_ids)
        row = await tx.fetchrow(self._sql["withdraw"], dsr_id, mine, at, by)
        if row is not None:
            return Taken(row["controller_id"], row["withdrawn_at"], is_new=True)
        # a statement of its own: it sees what the one that we waited for has committed
        row = await tx.fetchrow(self._sql["withdrawn"], dsr_id, mine)
        return None if row is None else Taken(row["controller_id"], row["withdrawn_at"])
