"""People by keyed hashes, in intake's tables."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from intake.domain.model import Accepted, Deadline
from intake.domain.repeats import Owner
from lethe_postgres import is_transient, load_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    import asyncpg

    from intake.application.repeats import Again, Key
    from intake.domain.model import Candidate
    from intake.domain.repeats import Repeat
    from lethe_postgres import Database, Tx

_EVERY_S = 6 * 3600.0
_AT_ONCE = 5_000


class PostgresPeople:
    """Implements `application.repeats.People`."""

    def __init__(self) -> None:
        self._sql = load_queries("intake.adapters", "repeats.sql")

    async def know(self, tx: Tx, wanted: Mapping[Key, Candidate]) -> Mapping[Key, tuple[UUID, int]]:
        rows = await tx.fetch(
            self._sql["know"],
            [controller_id for controller_id, _ in wanted],
            [person for _, person in wanted],
            [c.dsr_id for c in wanted.values()],
            [c.accepted_at for c in wanted.values()],
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    async def owners(self, tx: Tx, wanted: Sequence[tuple[str, UUID]]) -> Sequence[Owner]:
        rows = await tx.fetch(self._sql["owners"], [c for c, _ in wanted], [d for _, d in wanted])
        return [
            Owner(
                dsr_id=row["dsr_id"],
                over=row["over"],
                export_first=row["export_first"],
                identity=row["identity"],
                deadline=_deadline(row),
                closed_at=row["closed_at"],
                open_repeats=row["open_repeats"],
            )
            for row in rows
        ]

    async def attached(self, tx: Tx, candidates: Sequence[Candidate]) -> Mapping[Key, Accepted]:
        rows = await tx.fetch(
            self._sql["attached"], [c.submission.controller_id for c in candidates], [c.key for c in candidates]
        )
        return {
            (row["controller_id"], row["idempotency_key"]): Accepted(
                row["dsr_id"], row["fingerprint"], _deadline(row), replayed=True, attached=True
            )
            for row in rows
        }

    async def attach(self, tx: Tx, answers: Sequence[tuple[Candidate, UUID]]) -> None:
        await tx.execute(
            self._sql["attach"],
            [c.submission.controller_id for c, _ in answers],
            [c.key for c, _ in answers],
            [c.fingerprint for c, _ in answers],
            [dsr_id for _, dsr_id in answers],
            [c.accepted_at for c, _ in answers],
        )

    async def again(self, tx: Tx, counted: Sequence[Again]) -> None:
        await tx.execute(
            self._sql["again"],
            [a.key[0] for a in counted],
            [a.key[1] for a in counted],
            [a.number for a in counted],
            [a.candidate.accepted_at for a in counted],
            [a.successor for a in counted],
        )

    async def flag(self, tx: Tx, repeats: Sequence[tuple[Candidate, Repeat]]) -> None:
        await tx.execute(
            self._sql["flag"],
            [c.submission.controller_id for c, _ in repeats],
            [c.dsr_id for c, _ in repeats],
            [r.of for _, r in repeats],
            [",".join(r.patterns) or None for _, r in repeats],
            [r.requests for _, r in repeats],
        )


class Forgetting:
    """Background part: drops people who have not asked for `kept` and have nothing open."""

    def __init__(self, database: Database, now: Callable[[], datetime], kept: timedelta) -> None:
        self._database = database
        self._now = now
        self._kept = kept
        self._sql = load_queries("intake.adapters", "repeats.sql")

    async def run(self) -> None:
        while True:
            try:
                dropped = await self.once()
            except Exception as error:
                if not is_transient(error):
                    raise
                dropped = 0
            await asyncio.sleep(1.0 if dropped == _AT_ONCE else _EVERY_S)

    async def once(self) -> int:
        """How many were dropped."""
        status = await self._database.execute(self._sql["forget"], self._now() - self._kept, _AT_ONCE)
        return int(status.rsplit(" ", 1)[1])


def _deadline(row: asyncpg.Record) -> Deadline:
    return Deadline(row["due_strict"], row["due_legal"], row["due_date"], row["rule"])
