"""The one place that writes sagas: batches over arrays, a constant number of statements per transaction."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from lethe_postgres import crashpoint, load_queries
from orchestrator.adapters import rows
from orchestrator.adapters.packing import pack
from orchestrator.application.batch import incident_of
from orchestrator.application.ports import Loaded
from orchestrator.domain.errors import SagaError
from orchestrator.domain.escalation import NO_LADDERS, Ladders
from orchestrator.domain.record import answer_text
from orchestrator.domain.timers import next_moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    import asyncpg

    from lethe_events import SubjectObserved
    from lethe_messaging import Work
    from lethe_postgres import Database, Tx
    from orchestrator.application.batch import Batch, Entry
    from orchestrator.application.ports import Registers
    from orchestrator.domain.saga import Saga, Task

PACKAGE = "orchestrator.adapters"
SHELF = 5_000
"""Sagas kept in memory as they were last stored: a bound on memory, not on sagas."""


class LostUpdate(SagaError):
    """A saga changed under our lock, or was stored twice. The batch is rolled back."""


class Shelf:
    """Sagas as this process stored them last. One that somebody else changed since has another version: not used."""

    def __init__(self, size: int = SHELF) -> None:
        self._size = size
        self._kept: OrderedDict[UUID, Entry] = OrderedDict()

    def take(self, saga_id: UUID, version: int) -> Entry | None:
        entry = self._kept.get(saga_id)
        if entry is None or entry.saga is None or entry.saga.version != version:
            return None
        self._kept.move_to_end(saga_id)
        return entry.again()

    def put(self, entries: Iterable[Entry]) -> None:
        """Only what is known to be committed. Closed sagas are let go."""
        for entry in entries:
            saga = entry.saga
            if saga is None:
                continue
            if saga.closed_at is not None:
                self._kept.pop(saga.id, None)
                continue
            self._kept[saga.id] = entry.again()
            self._kept.move_to_end(saga.id)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


class PostgresSagas:
    """Implements `SagaStore`."""

    def __init__(
        self, database: Database, registers: Registers, shelf: Shelf | None = None, *, plain: bool = False
    ) -> None:
        """`plain`: new rows are written as versions read them that know of no smaller form. Both forms are read."""
        self._plain = plain
        self._database = database
        self._registers = registers
        self._shelf = shelf or Shelf()
        self._sql = load_queries(PACKAGE)

    async def load(self, tx: Tx, ids: Sequence[UUID]) -> Loaded:
        wanted = list(dict.fromkeys(ids))
        await tx.execute(self._sql["by_index"])
        locked = await tx.fetch(self._sql["lock"], wanted) if wanted else []
        crashpoint("saga.locked")
        return await self._loaded(tx, locked)

    async def load_due(self, tx: Tx, limit: int) -> Loaded:
        await tx.execute(self._sql["by_index"])
        due = [row["saga_id"] for row in await tx.fetch(self._sql["due"], limit)]
        if due:
            crashpoint("timer.found")
        return await self._loaded(tx, await tx.fetch(self._sql["skip_locked"], due) if due else [])

    async def read(self, saga_id: UUID) -> Saga | None:
        """As it is stored, without locking it."""
        async with self._database.transaction() as tx:
            found = await self._read(tx, [saga_id])
        return found[saga_id].saga if saga_id in found else None

    async def seconds_to_next(self) -> float | None:
        found: float | None = await self._database.fetchval(self._sql["next_due_in"])
        return found

    async def put_off_first_due(self) -> int:
        return len(await self._database.fetch(self._sql["put_off_first_due"]))

    async def erasures(self, tx: Tx, observed: Sequence[SubjectObserved]) -> list[tuple[UUID, str] | None]:
        await tx.execute(self._sql["by_index"])
        rows = await tx.fetch(
            self._sql["erasures"],
            [o.processor_id for o in observed],
            [o.subject_token for o in observed],
            [o.at for o in observed],
        )
        found = {row["n"] - 1: (row["saga_id"], row["controller_id"]) for row in rows}
        return [found.get(n) for n in range(len(observed))]

    async def resolve(self, tx: Tx, incident_id: UUID, controllers: Collection[str], by: str) -> bool:
        return await tx.execute(self._sql["resolve_by_hand"], incident_id, list(controllers), by) == "UPDATE 1"

    async def unchecked(self, tx: Tx, register_id: int, limit: int) -> list[UUID]:
        return [row["id"] for row in await tx.fetch(self._sql["unchecked"], register_id, limit)]

    async def _loaded(self, tx: Tx, locked: Sequence[asyncpg.Record]) -> Loaded:
        if not locked:
            row = await tx.fetchrow(self._sql["now"])
            assert row is not None, "a query without FROM has one row"
            return Loaded(row["now"], row["register_id"] or 0, {}, row["standing_id"] or 0)
        entries: dict[UUID, Entry] = {}
        missing: list[UUID] = []
        for row in locked:
            kept = self._shelf.take(row["id"], row["version"])
            if kept is None:
                missing.append(row["id"])
            else:
                entries[row["id"]] = kept
        if missing:
            entries |= await self._read(tx, missing)
        # a row that was waited for tells the time after the wait: this batch happens after what it waited for
        now = max(row["now"] for row in locked)
        return Loaded(now, locked[0]["register_id"] or 0, entries, locked[0]["standing_id"] or 0)

    async def _read(self, tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Entry]:
        saga_rows = await tx.fetch(self._sql["sagas"], ids)
        task_rows = await tx.fetch(self._sql["tasks"], ids)
        used = {r["register_id"] for r in saga_rows} | {r["register_id"] for r in task_rows}
        for register_id in used - {None}:
            await self._registers.view(tx, register_id)
        controllers = {r["id"]: r["controller_id"] for r in saga_rows}
        tasks: dict[UUID, dict[UUID, Task]] = {saga_id: {} for saga_id in controllers}
        for row in task_rows:
            saga_id = row["saga_id"]
            tasks[saga_id][row["id"]] = rows.task_of(row, controllers[saga_id], self._registers)
        return {r["id"]: rows.entry_of(r, tasks[r["id"]], self._registers) for r in saga_rows}

    async def save(self, work: Work, batch: Batch, retention: timedelta, ladders: Ladders = NO_LADDERS) -> None:
        """Raises LostUpdate if a saga is not as it was read."""
        dirty = [entry for entry in batch.entries.values() if entry.dirty]
        await self._sagas(work.tx, dirty)
        crashpoint("saga.written")
        await self._tasks(work.tx, dirty)
        await self._timers(work.tx, dirty, batch.now, retention, ladders)
        await self._said(work.tx, batch)
        await self._record(work.tx, batch, dirty)
        crashpoint("saga.recorded")
        if batch.certificates:
            crashpoint("certificate.written")
        await self._incidents(work.tx, batch)
        await self._run(work.tx, "insert_erased", batch.erased)
        if batch.shreds:
            await work.tx.execute(self._sql["delete_erased"], batch.shreds)
        await self._kept(work.tx, batch)
        work.after_commit(lambda: self._shelf.put(dirty))

    async def _run(self, tx: Tx, name: str, values: Sequence[tuple[Any, ...]], *more: object) -> str:
        """One statement over rows; none for no rows."""
        return await tx.execute(self._sql[name], *zip(*values, strict=True), *more) if values else ""

    async def _sagas(self, tx: Tx, dirty: Sequence[Entry]) -> None:
        created = [e for e in dirty if e.stored is None]
        changed = [rows.changed_saga_row(e, self._registers) for e in dirty if e.stored is not None]
        await self._run(tx, "insert_facts", [rows.fact_row(e) for e in created])
        await self._run(tx, "insert_sagas", [rows.new_saga_row(e, self._registers) for e in created])
        status = await self._run(tx, "update_sagas", changed)
        await self._run(tx, "update_beside", [rows.beside_row(e) for e in dirty if e.beside])
        if changed and status != f"UPDATE {len(changed)}":
            raise LostUpdate(f"{len(changed)} sagas were to be updated: {status}")

    async def _tasks(self, tx: Tx, dirty: Sequence[Entry]) -> None:
        new: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        seldom: list[tuple[Any, ...]] = []
        for entry in dirty:
            saga = entry.saga
            assert saga is not None, "an entry that is saved has a saga"
            for task_id in entry.changed:
                task = saga.tasks[task_id]
                if task_id not in entry.tasks:
                    new.append(rows.new_task_row(saga.id, task, self._registers))
                    if task.answer is None and task.proposal is None:
                        continue
                changed.append(rows.changed_task_row(saga.id, task))
                if task_id in entry.seldom:
                    seldom.append(rows.seldom_task_row(saga.id, task, self._registers))
        await self._run(tx, "insert_tasks", new, self._plain)
        await self._run(tx, "update_tasks", changed)
        await self._run(tx, "update_tasks_seldom", seldom)

    async def _timers(
        self, tx: Tx, dirty: Sequence[Entry], now: datetime, retention: timedelta, ladders: Ladders
    ) -> None:
        """Only what has to fire earlier than it would: a timer that fires for nothing is set anew then.

        One that was due may have been set anew by another instance without a trace in the saga, so it counts as unset.
        """
        put: list[tuple[UUID, datetime, str, UUID | None]] = []
        gone: list[UUID] = []
        for entry in dirty:
            saga = entry.saga
            assert saga is not None, "an entry that is saved has a saga"
            moment = next_moment(saga, retention, ladders.of(saga))
            if moment is None:
                gone.append(saga.id)
                entry.armed = None
            elif entry.armed is None or entry.armed <= now or moment.due_at < entry.armed or saga.closed_at is not None:
                put.append((saga.id, moment.due_at, moment.kind.value, moment.task_id))
                entry.armed = moment.due_at
        await self._run(tx, "put_timers", put)
        if gone:
            await tx.execute(self._sql["delete_timers"], gone)

    async def _said(self, tx: Tx, batch: Batch) -> None:
        acks = [
            (a.body.dsr_id, a.body.task_id, a.body.attempt, a.promise, a.message_id, a.body.outcome.value, a.body.at)
            for a in batch.acks
        ]
        await self._run(tx, "insert_acks", acks)
        strays = [
            (
                s.message_id,
                incident_of(s.message_id),
                s.body.dsr_id,
                s.body.task_id,
                s.body.attempt,
                s.body.outcome.value,
                s.reason,
                answer_text(s.body),
            )
            for s in batch.strays
        ]
        await self._run(tx, "insert_strays", strays)

    async def _record(self, tx: Tx, batch: Batch, dirty: Sequence[Entry]) -> None:
        links, form = ("insert_plain_links", str) if self._plain else ("insert_links", pack)
        await self._run(tx, links, [(k.saga_id, k.seq, bytes.fromhex(k.hash), form(k.content)) for k in batch.links])
        moved = {link.saga_id for link in batch.links}
        heads = [(e.saga.id, e.seq, bytes.fromhex(e.head)) for e in dirty if e.saga is not None and e.saga.id in moved]
        if heads:
            await tx.execute(self._sql["insert_unsealed"], *zip(*heads, strict=True))
        await self._run(
            tx,
            "insert_certificates",
            [(c.saga_id, bytes.fromhex(c.sha256), c.document, c.number) for c in batch.certificates],
        )

    async def _kept(self, tx: Tx, batch: Batch) -> None:
        """Nearly always nothing."""
        await self._run(tx, "put_held", batch.touched)
        again = [(c.saga_id, c.number, batch.now) for c in batch.certificates if c.number > 1]
        await self._run(tx, "end_kept", again)
        await self._run(tx, "insert_kept", batch.kept)

    async def _incidents(self, tx: Tx, batch: Batch) -> None:
        """Resolve first: what opens again in the same batch stays open."""
        await self._run(tx, "resolve_incidents", batch.resolved)
        await self._run(tx, "open_incidents", batch.incidents)
