"""Which sagas are open, for saying again what is outstanding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from lethe_postgres import Tx


class OpenSagas:
    """Implements `application.resuming.OpenSagas`."""

    def __init__(self) -> None:
        self._sql = load_queries("orchestrator.adapters", "resuming.sql")

    async def open_after(self, tx: Tx, controllers: Sequence[str], after: UUID | None, limit: int) -> list[UUID]:
        return [row["id"] for row in await tx.fetch(self._sql["open_after"], list(controllers), after, limit)]
