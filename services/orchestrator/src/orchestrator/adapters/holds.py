"""Holds of controllers as rows, and in memory as long as nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lethe_postgres import load_queries
from orchestrator.application.hold_keeping import Sweep
from orchestrator.domain.beside import Hold
from orchestrator.domain.record_parts import instant
from orchestrator.domain.standing import StandingHold, standing_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    from lethe_postgres import Database, Tx
    from orchestrator.domain.standing import Standing


class PostgresHolds:
    """Implements `Holds` and `HoldRows`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries("orchestrator.adapters", "holds.sql")
        self._known: Standing | None = None

    async def standing(self, tx: Tx, standing_id: int) -> Standing:
        if self._known is None or self._known.version != standing_id:
            self._known = standing_of(standing_id, [_of(row) for row in await tx.fetch(self._sql["in_force"])])
        return self._known

    async def begin(self, tx: Tx) -> datetime:
        await tx.execute(self._sql["one_at_a_time"])
        now: datetime = await tx.fetchval(self._sql["now"])
        return now

    async def insert(self, tx: Tx, hold: StandingHold, at: datetime) -> None:
        h, people = hold.hold, None if hold.people is None else sorted(hold.people)
        named = (h.id, hold.controller_id, h.ground, h.article, h.matter, list(h.processors), list(h.categories))
        await tx.execute(self._sql["insert"], *named, people, h.placed_by, at)

    async def lock(self, tx: Tx, hold_id: UUID, controllers: Collection[str]) -> StandingHold | None:
        row = await tx.fetchrow(self._sql["lock"], hold_id, list(controllers))
        return None if row is None else _of(row)

    async def update(self, tx: Tx, hold: Hold, *, in_force_changed: bool) -> None:
        people = (hold.approved_by, hold.since, hold.lifting_by, hold.lifted_by, hold.until)
        await tx.execute(self._sql["update"], hold.id, *people)
        if in_force_changed:
            await tx.execute(self._sql["changed"], hold.id)

    async def next_sweep(self, tx: Tx, limit: int) -> Sweep | None:
        row = await tx.fetchrow(self._sql["next_sweep"])
        if row is None:
            return None
        where = (row["controller_id"], row["sweep_due"], row["sweep_id"], limit)
        found = await tx.fetch(self._sql["open_behind"], *where)
        last = (found[-1]["due_strict"], found[-1]["id"]) if len(found) == limit else (None, None)
        await tx.execute(self._sql["swept"], row["id"], *last)
        return Sweep(_of(row), tuple(r["id"] for r in found))

    async def next_release(self, tx: Tx, limit: int) -> Sweep | None:
        row = await tx.fetchrow(self._sql["next_release"])
        if row is None:
            return None
        found = await tx.fetch(self._sql["still_on"], row["id"], limit)
        return Sweep(_of(row), tuple(r["saga_id"] for r in found))

    async def controller_of(self, tx: Tx, saga_id: UUID) -> tuple[str, bool] | None:
        row = await tx.fetchrow(self._sql["controller_of"], saga_id)
        return None if row is None else (row["controller_id"], row["shredded"])

    async def page(
        self, controllers: Collection[str], *, matter: str | None, lifted: bool, hold_id: UUID | None, limit: int
    ) -> list[dict[str, Any]]:
        rows = await self._database.fetch(self._sql["page"], list(controllers), matter, lifted, hold_id, limit)
        return [_shown(row) for row in rows]

    async def covered(self, hold_id: UUID, limit: int) -> list[dict[str, Any]]:
        rows = await self._database.fetch(self._sql["covered"], hold_id, limit)
        return [{"dsr_id": str(r["saga_id"]), "since": _at(r["since"]), "until": _at(r["until"])} for r in rows]

    async def kept(self, controllers: Collection[str], before: datetime | None, limit: int) -> list[dict[str, Any]]:
        rows = await self._database.fetch(self._sql["kept"], list(controllers), before, limit)
        plain = ("processor_id", "collection", "category", "rows", "ground", "article")
        return [
            {
                "dsr_id": str(r["saga_id"]),
                **{name: r[name] for name in plain},
                "until": _at(r["until"]),
                "since": _at(r["since"]),
            }
            for r in rows
        ]


def _of(row: asyncpg.Record) -> StandingHold:
    hold = Hold(
        id=row["id"],
        ground=row["ground"],
        article=row["article"],
        matter=row["matter"],
        processors=tuple(row["processors"]),
        placed_by=row["placed_by"],
        approved_by=row["approved_by"],
        since=row["since"],
        lifting_by=row["lifting_by"],
        lifted_by=row["lifted_by"],
        until=row["until"],
        categories=tuple(row["categories"]),
        standing=True,
    )
    return StandingHold(row["controller_id"], hold, None if row["people"] is None else frozenset(row["people"]))


def _at(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    """Without the tokens: that it is about one person is told, not who that is."""
    return {
        "hold": str(row["id"]),
        "controller_id": row["controller_id"],
        "ground": row["ground"],
        "article": row["article"],
        "matter": row["matter"],
        "processors": list(row["processors"]),
        "categories": list(row["categories"]),
        "person": row["people"] is not None,
        "placed_by": row["placed_by"],
        "placed_at": instant(row["placed_at"]),
        "approved_by": row["approved_by"],
        "since": _at(row["since"]),
        "lifting_by": row["lifting_by"],
        "lifted_by": row["lifted_by"],
        "until": _at(row["until"]),
        "covers": row["covers"],
        "spreading": row["sweep_due"] is not None,
    }
