"""Distinct signals, incidents and hits in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from breach_notifier.adapters.store import PACKAGE
from breach_notifier.domain.correlation import FLOOD, LATEST_EVIDENCE, RULES, Incident, Signal
from breach_notifier.domain.windows import ahead, behind, moments
from lethe_postgres import crashpoint, load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    import asyncpg

    from breach_notifier.domain.correlation import Placed, Rule
    from breach_notifier.domain.windows import Group, Window
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
        rows = [(*s, s.id in suppressed) for s in sorted(signals, key=_id)]
        found = await tx.fetch(self._sql["insert_signals"], *_columns(rows))
        crashpoint("breach.signals_stored")
        return {row["id"] for row in found}

    async def around(self, tx: Tx, fresh: Sequence[Signal]) -> list[Signal]:
        """Nothing is asked for signals that no burst counts, which is most of them."""
        found: list[Signal] = []
        for rule in self._bursts:
            anchors = await self._anchors(tx, rule, moments(fresh, rule.signals))
            ends = moments([*anchors, *fresh], (rule.then,))
            found += anchors
            found += await self._windows(tx, "before", behind(rule, ends), LATEST_EVIDENCE)
        return found

    async def _anchors(self, tx: Tx, rule: Rule, parts: Mapping[Group, Sequence[datetime]]) -> list[Signal]:
        """Ends that were stored before a part of their burst. Most parts come in time: what is newest settles it."""
        if not parts:
            return []
        newest = [(*group, rule.then, times[0]) for group, times in parts.items()]
        last = dict(zip(parts, await tx.fetch(self._sql["newest"], *_columns(newest)), strict=True))
        late = {
            group: [at for at in times if at <= end]
            for group, times in parts.items()
            if (end := last[group]["at"]) is not None
        }
        return await self._windows(tx, "anchors", ahead(rule, late), _MOST_ANCHORS)

    async def _windows(self, tx: Tx, name: str, windows: Sequence[Window], limit: int) -> list[Signal]:
        if not windows:
            return []
        found = await tx.fetch(self._sql[name], *_columns(windows), limit)
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


def _id(signal: Signal) -> bytes:
    return signal.id.bytes


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _signal(row: asyncpg.Record) -> Signal:
    return Signal(*row)
