"""Distinct signals, incidents and hits in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from breach_notifier.adapters.store import PACKAGE
from breach_notifier.domain.correlation import FLOOD, LATEST_EVIDENCE, RULES, Incident, Signal
from lethe_postgres import crashpoint, load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    import asyncpg

    from breach_notifier.domain.correlation import Placed, Rule
    from lethe_postgres import Database, Tx

_MOST_ANCHORS: Final = 16
"""Ends of bursts looked at again when an early part of them arrives late, per asset and actor."""


class PostgresSignals:
    """Implements `SignalStore`."""

    def __init__(self, database: Database, rules: Sequence[Rule] = RULES) -> None:
        self._database = database
        self._bursts = [rule for rule in rules if rule.then]
        self._sql = load_queries(PACKAGE, "signals.sql")

    async def insert(self, tx: Tx, signals: Sequence[Signal], suppressed: Collection[UUID]) -> set[UUID]:
        if not signals:
            return set()
        # in order of ids, so that two transactions with the same signals wait for, not on, each other
        rows = sorted((*s, s.id in suppressed) for s in signals)
        found = await tx.fetch(self._sql["insert_signals"], *_columns(rows))
        crashpoint("breach.signals_stored")
        return {row["id"] for row in found}

    async def around(self, tx: Tx, fresh: Sequence[Signal]) -> list[Signal]:
        """Nothing is asked for signals that no burst counts, which is most of them."""
        late = [
            (s.controller_id, s.asset, s.actor, rule.then, s.at, s.at + rule.within)
            for rule in self._bursts
            for s in fresh
            if s.rule in rule.signals
        ]
        anchors = await self._windows(tx, "anchors", late, _MOST_ANCHORS)
        ends = [*anchors, *fresh]
        wanted = [
            (s.controller_id, s.asset, s.actor, name, s.at - rule.within, s.at)
            for rule in self._bursts
            for s in ends
            if s.rule == rule.then
            for name in sorted(rule.signals)
        ]
        return [*anchors, *await self._windows(tx, "before", wanted, LATEST_EVIDENCE)]

    async def _windows(self, tx: Tx, name: str, rows: Iterable[tuple[object, ...]], limit: int) -> list[Signal]:
        distinct = list(dict.fromkeys(rows))
        if not distinct:
            return []
        found = await tx.fetch(self._sql[name], *_columns(distinct), limit)
        return [_signal(row) for row in found]

    async def alone(self, tx: Tx, controllers: Collection[str]) -> None:
        await tx.execute(self._sql["one_at_a_time"], sorted(controllers))

    async def known(self, tx: Tx, anchors: Sequence[UUID]) -> set[UUID]:
        return {row["anchor"] for row in await tx.fetch(self._sql["known_hits"], list(anchors))}

    async def incidents(
        self, tx: Tx, controllers: Collection[str], since: datetime, until: datetime
    ) -> tuple[list[Incident], Mapping[str, int]]:
        rows = await tx.fetch(self._sql["open_incidents"], list(controllers), since, until)
        lately = await tx.fetch(self._sql["opened_lately"], list(controllers), FLOOD)
        return [Incident(*row) for row in rows], {row["controller_id"]: row["opened"] for row in lately}

    async def place(self, tx: Tx, placed: Sequence[tuple[Placed, UUID]]) -> None:
        by_incident: dict[UUID, list[tuple[Placed, UUID]]] = {}
        for one in placed:
            by_incident.setdefault(one[0].incident.id, []).append(one)
        rows = []
        for same in by_incident.values():
            incident, case_id = same[0][0].incident, same[0][1]
            last_at = max(p.hit.at for p, _ in same)
            what = (incident.controller_id, incident.rule, incident.asset, incident.first_at, last_at)
            rows.append((incident.id, case_id, *what, len(same)))
        await tx.execute(self._sql["put_incidents"], *_columns(rows))
        await tx.execute(self._sql["put_hits"], *_columns([(p.hit.anchor, p.incident.id) for p, _ in placed]))

    async def purge(self, older: timedelta, limit: int) -> int:
        found: int = await self._database.fetchval(self._sql["purge"], older, limit)
        return found


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _signal(row: asyncpg.Record) -> Signal:
    return Signal(*row)
