"""The one place that writes cases: batches over arrays, a constant number of statements per transaction."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from breach_notifier.application.batch import Entry
from breach_notifier.application.ports import Loaded
from breach_notifier.domain.case import Case
from breach_notifier.domain.errors import BreachCaseError
from breach_notifier.domain.ladder import TRIAGE_WITHIN, next_timer
from breach_notifier.domain.record import from_json, to_json
from lethe_events.canonical import canonical_of_built
from lethe_postgres import crashpoint, load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

    import asyncpg

    from breach_notifier.application.batch import Batch
    from lethe_messaging import Work
    from lethe_postgres import Database, Tx

PACKAGE = "breach_notifier.adapters"
_NO_NUMBER: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Place in the list of a case whose law gives no number of hours."""


class LostUpdate(BreachCaseError):
    """A case changed under our lock, or was stored twice. The batch is rolled back."""


class PostgresCases:
    """Implements `CaseStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(PACKAGE)

    async def load(self, tx: Tx, ids: Sequence[UUID]) -> Loaded:
        wanted = list(dict.fromkeys(ids))
        rows = await tx.fetch(self._sql["lock"], wanted) if wanted else []
        if rows:
            crashpoint("breach.locked")
        return Loaded(await tx.fetchval(self._sql["now"]), _entries(rows))

    async def load_due(self, tx: Tx, limit: int) -> Loaded:
        rows = await tx.fetch(self._sql["due"], limit)
        return Loaded(await tx.fetchval(self._sql["now"]), _entries(rows))

    async def contents(self, tx: Tx, case_id: UUID) -> list[str]:
        rows = await tx.fetch(self._sql["contents"], case_id)
        return [row["content"] for row in rows]

    async def seconds_to_next(self) -> float | None:
        found: float | None = await self._database.fetchval(self._sql["next_due_in"])
        return found

    async def save(self, work: Work, batch: Batch, receivers: Collection[str]) -> None:
        """Raises LostUpdate."""
        dirty = [(entry.case, entry) for entry in batch.entries.values() if entry.dirty and entry.case is not None]
        if not dirty:
            return
        tx = work.tx
        await self._cases(tx, dirty)
        crashpoint("breach.written")
        await self._run(tx, "insert_links", [(k.case_id, k.seq, bytes.fromhex(k.hash), k.content) for k in batch.links])
        moments = [(case.id, next_timer(case)) for case, _ in dirty]
        await self._run(tx, "move_timers", [(id_, at) for id_, at in moments if at is not None])
        stopped = [id_ for id_, at in moments if at is None]
        if stopped:
            await tx.execute(self._sql["stop_timers"], stopped)
        await self._papers(tx, batch)
        await self._run(tx, "move_incidents", batch.moved)
        calls = [
            (c.id, r, c.case.id, c.case.controller_id, c.about, c.resolves, c.case.state.value, _due(c.case), c.at)
            for c in batch.calls
            for r in sorted(receivers)
        ]
        await self._run(tx, "insert_calls", calls)
        crashpoint("breach.recorded")

    async def _cases(self, tx: Tx, dirty: Iterable[tuple[Case, Entry]]) -> None:
        new, old = [], []
        for case, entry in dirty:
            changing = (case.state.value, case.version, _place(case), ",".join(case.alerts), _text(case))
            chain = (entry.seq, bytes.fromhex(entry.head))
            if entry.stored is None:
                facts = (case.id, case.incident_id, case.controller_id)
                new.append((*facts, *changing[:2], case.opened_at, *changing[2:], *chain))
            else:
                old.append((case.id, entry.stored, *changing, *chain))
        await self._run(tx, "insert_cases", new)
        if old:
            status = await tx.execute(self._sql["update_cases"], *zip(*old, strict=True))
            if int(status.rsplit(" ", 1)[1]) != len(old):
                raise LostUpdate("a case changed although it was locked")

    async def _papers(self, tx: Tx, batch: Batch) -> None:
        drafts = [(d.case_id, d.number, bytes.fromhex(d.sha256), d.content, d.at, d.by) for d in batch.drafts]
        await self._run(tx, "insert_notices", drafts)
        filings = [
            (id_, f.authority, f.notice, f.reference, f.copy_sha256, f.filed_at, f.by, f.late)
            for id_, f in batch.filings
        ]
        await self._run(tx, "insert_filings", filings)

    async def _run(self, tx: Tx, name: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            await tx.execute(self._sql[name], *zip(*rows, strict=True))


def read_case(content: str) -> Case:
    """What is stored of a case."""
    found: Case = from_json(Case, json.loads(content))
    return found


def _text(case: Case) -> str:
    return canonical_of_built(to_json(case)).decode()


def _entries(rows: Sequence[asyncpg.Record]) -> dict[UUID, Entry]:
    return {
        row["id"]: Entry(read_case(row["content"]), row["audit_seq"], row["audit_head"].hex(), row["version"])
        for row in rows
    }


def _due(case: Case) -> datetime | None:
    return None if case.clock is None else case.clock.due


def _place(case: Case) -> datetime:
    """Where a case stands in the list of what is due."""
    if case.clock is None:
        return case.opened_at + TRIAGE_WITHIN
    return case.clock.due or _NO_NUMBER
