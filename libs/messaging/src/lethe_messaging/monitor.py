"""Depth and age of the outbox, and what is parked: for metrics and health."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_messaging.expiry import expire
from lethe_messaging.outbox import OutboxState, sql
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from lethe_messaging.metrics import Metrics
    from lethe_messaging.outbox import Outbox
    from lethe_messaging.settings import Tuning
    from lethe_postgres import Database

_EVERY = 1.0  # seconds
_PARKED_EVERY = 10  # of these
_EXPIRE_EVERY = 600


class Monitor:
    """Asks the database once a second."""

    def __init__(self, database: Database, outbox: Outbox, tuning: Tuning, metrics: Metrics) -> None:
        self._retention = timedelta(seconds=tuning.parked_retention)
        self._database = database
        self._outbox = outbox
        self._metrics = metrics
        self._state = OutboxState(0, None)
        self._parked = 0

    async def run(self) -> None:
        turn = 0
        while True:
            try:
                await self._look(parked=turn % _PARKED_EVERY == 0)
                if turn % _EXPIRE_EVERY == 0:
                    await expire(self._database, self._retention)
            except Exception as error:
                if not is_transient(error):
                    raise
            turn += 1
            await asyncio.sleep(_EVERY)

    def facts(self) -> dict[str, object]:
        oldest = self._state.oldest
        return {
            "rows": self._state.rows,
            "oldest_seconds": 0.0 if oldest is None else round(max(0.0, time.time() - oldest), 3),
            "parked": self._parked,
        }

    async def _look(self, *, parked: bool) -> None:
        self._state = await self._outbox.state()
        self._metrics.outbox_rows.set(self._state.rows)
        self._metrics.outbox_oldest.set(self._state.oldest or 0)
        if not parked:
            return
        rows = await self._database.fetch(sql()["parked_counts"])
        self._parked = sum(row["waiting"] for row in rows)
        self._metrics.parked.clear()
        for row in rows:
            self._metrics.parked.labels(row["topic"], row["code"]).set(row["waiting"])
