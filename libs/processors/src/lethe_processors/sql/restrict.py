"""Keeping rows away from ordinary use (Art. 18), letting them back, and looking whether ordinary readers see them."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Evidence
from lethe_events.words import Grade, Method, Outcome
from lethe_processors.connector import Answer
from lethe_processors.dataset.rights import RestrictBy
from lethe_processors.sql import names
from lethe_processors.sql.people import changed, find, needs_person
from lethe_processors.sql.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lethe_postgres import Tx
    from lethe_processors.connector import WorkItem
    from lethe_processors.dataset.rights import Restrict
    from lethe_processors.sql.catalog import Table
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.plan import Bound, Plan
    from lethe_processors.sql.walk import Walked

UNKNOWN_STATE = "restriction_state_unknown"


async def restrict_batch(
    tx: Tx, plan: Plan, items: Sequence[WorkItem], *, key: bytes | None, lift: bool
) -> list[Answer]:
    """One answer per item; counts are the rows that are restricted now, or were lifted now."""
    walked, answers = await find(tx, plan, [i.identifiers for i in items], lock=True)
    run = _Restriction(tx, walked)
    if not lift:
        unclear = await run.unclear()
        answers |= dict.fromkeys(unclear, needs_person(UNKNOWN_STATE))
        walked.forget(unclear)
    await (run.lift() if lift else run.restrict())
    return [answers.get(i) or changed(run.tallies.get(i), item.task.task_id, key) for i, item in enumerate(items)]


class _Restriction:
    def __init__(self, tx: Tx, walked: Walked) -> None:
        self._tx = tx
        self._walked = walked
        self._plan = walked.plan
        self.tallies: dict[int, Tally] = defaultdict(Tally)

    async def unclear(self) -> set[int]:
        """People with a row whose flag says neither: what to restore could not be told later."""
        found: set[int] = set()
        for bound, method in methods(self._plan):
            keys = self._keys(bound.name)
            if method.by is not RestrictBy.FLAG or not keys:
                continue
            neither = (
                f"NOT ({flag_is(bound, method.name, method.value)} OR {flag_is(bound, method.name, method.otherwise)})"
            )
            for row in await self._tx.fetch(
                f"SELECT {bound.key.reads()} FROM {bound.table.quoted} t WHERE {bound.key.condition(1)} AND {neither}",
                *bound.key.arrays(keys),
            ):
                found |= self._walked.rows[bound.name][tuple(row)].items
        return found

    async def restrict(self) -> None:
        for bound, method in self._in_order(parents_first=True):
            if method.by is RestrictBy.FLAG:
                await self._set(bound, method.name, method.otherwise, method.value)
                self._count(bound.name, Method.RESTRICTED, self._keys(bound.name))
            elif method.by is RestrictBy.ACCESS:
                await self._deny(bound, method)
                self._count(bound.name, Method.RESTRICTED, self._keys(bound.name))
            elif method.by is RestrictBy.MOVE:
                await self._copy(bound, self._plan.bound[method.name], self._keys(bound.name))
                for name in (bound.name, method.name):  # those that are there already too: asked again, told again
                    self._count(name, Method.RESTRICTED, self._keys(name), told_as=bound.name)
        for bound, method in self._in_order(parents_first=False):
            if method.by is RestrictBy.MOVE:
                await self._remove(bound, self._keys(bound.name))

    async def lift(self) -> None:
        for bound, method in self._in_order(parents_first=True):
            if method.by is RestrictBy.FLAG:
                lifted = await self._set(bound, method.name, method.value, method.otherwise)
                self._count(bound.name, Method.LIFTED, lifted)
            elif method.by is RestrictBy.ACCESS:
                self._count(bound.name, Method.LIFTED, await self._allow(bound, method))
            elif method.by is RestrictBy.MOVE:
                keys = self._keys(method.name)
                await self._copy(self._plan.bound[method.name], bound, keys)
                self._count(method.name, Method.LIFTED, keys, told_as=bound.name)
        for _, method in self._in_order(parents_first=False):
            if method.by is RestrictBy.MOVE:
                await self._remove(self._plan.bound[method.name], self._keys(method.name))

    def _in_order(self, *, parents_first: bool) -> list[tuple[Bound, Restrict]]:
        place = {name: i for i, name in enumerate(self._plan.order.collections)}
        return sorted(methods(self._plan), key=lambda m: place[m[0].name], reverse=parents_first)

    def _keys(self, name: str) -> list[Value]:
        return list(self._walked.rows.get(name, ()))

    def _count(self, name: str, method: Method, keys: Iterable[Value], *, told_as: str | None = None) -> None:
        for row_key in keys:
            for person in self._walked.rows[name][row_key].items:
                self.tallies[person].add(told_as or name, method, [row_key])

    async def _set(self, bound: Bound, column: str, before: str | None, after: str | None) -> list[Value]:
        keys = self._keys(bound.name)
        if not keys:
            return []
        found = await self._tx.fetch(
            f"UPDATE {bound.table.quoted} t SET {names.ident(column)} = {_literal(bound.table, column, after)} "
            f"WHERE {bound.key.condition(1)} AND {flag_is(bound, column, before)} RETURNING {bound.key.reads()}",
            *bound.key.arrays(keys),
        )
        return [tuple(r) for r in found]

    async def _deny(self, bound: Bound, method: Restrict) -> None:
        keys = self._keys(bound.name)
        if keys:
            columns = ", ".join(names.ident(c.name) for c in bound.key.columns)
            denied = self._plan.catalog.tables[method.name]
            await self._tx.execute(
                f"INSERT INTO {denied.quoted} ({columns}) SELECT {columns} FROM {bound.table.quoted} t WHERE "
                f"{bound.key.condition(1)} AND NOT EXISTS (SELECT FROM {denied.quoted} d WHERE {_same(bound, 'd')})",
                *bound.key.arrays(keys),
            )

    async def _allow(self, bound: Bound, method: Restrict) -> list[Value]:
        keys = self._keys(bound.name)
        if not keys:
            return []
        denied = self._plan.catalog.tables[method.name]
        sql = f"DELETE FROM {denied.quoted} t WHERE {bound.key.condition(1)} RETURNING {bound.key.reads()}"
        return [tuple(r) for r in await self._tx.fetch(sql, *bound.key.arrays(keys))]

    async def _copy(self, source: Bound, target: Bound, keys: list[Value]) -> None:
        if keys:
            columns = ", ".join(names.ident(c.name) for c in source.table.columns.values())
            await self._tx.execute(
                f"INSERT INTO {target.table.quoted} ({columns}) OVERRIDING SYSTEM VALUE "
                f"SELECT {columns} FROM {source.table.quoted} t WHERE {source.key.condition(1)}",
                *source.key.arrays(keys),
            )

    async def _remove(self, bound: Bound, keys: list[Value]) -> None:
        if keys:
            sql = f"DELETE FROM {bound.table.quoted} t WHERE {bound.key.condition(1)}"
            await self._tx.execute(sql, *bound.key.arrays(keys))


async def look_at_restricted(
    tx: Tx, ordinary: Tx, plan: Plan, items: Sequence[WorkItem], *, lift: bool
) -> list[Answer]:
    """RESIDUAL: ordinary readers still see rows, or after lifting something is still restricted.

    `tx` finds the person's rows, `ordinary` reads as those do who use the data in the ordinary course.
    """
    walked, answers = await find(tx, plan, [i.identifiers for i in items], lock=False)
    tallies: dict[int, Tally] = defaultdict(Tally)
    looked: list[str] = []
    for bound, method in methods(plan):
        looked.append(f"{bound.name}:{method.by.value}:{method.view or ''}")
        seen = _still(tx, walked, bound, method) if lift else _visible(tx, ordinary, walked, bound, method)
        for name, row_key in await seen:
            for person in walked.rows[name][row_key].items:
                tallies[person].add(bound.name, Method.FOUND, [row_key])
    return [answers.get(i) or _seen(tallies.get(i), item, looked) for i, item in enumerate(items)]


async def _visible(tx: Tx, ordinary: Tx, walked: Walked, bound: Bound, method: Restrict) -> list[tuple[str, Value]]:
    """Rows that ordinary readers see, and rows on which the method was not carried out."""
    found: list[tuple[str, Value]] = []
    rows = list(walked.rows.get(bound.name, ()))
    if method.by is RestrictBy.FLAG:
        on = flag_is(bound, method.name, method.value)
        found += [(bound.name, k) for k in await _which(tx, bound, bound.table.quoted, rows, f"NOT {on}")]
    if method.by is RestrictBy.MOVE:
        found += [(bound.name, k) for k in rows]
    view = names.table(method.view, walked.plan.graph.dataset.schema) if method.view else bound.table.quoted
    for name in (bound.name, method.name) if method.by is RestrictBy.MOVE else (bound.name,):
        found += [(name, k) for k in await _which(ordinary, bound, view, list(walked.rows.get(name, ())))]
    return found


async def _still(tx: Tx, walked: Walked, bound: Bound, method: Restrict) -> list[tuple[str, Value]]:
    rows = list(walked.rows.get(bound.name, ()))
    if method.by is RestrictBy.FLAG:
        on = flag_is(bound, method.name, method.value)
        return [(bound.name, k) for k in await _which(tx, bound, bound.table.quoted, rows, on)]
    if method.by is RestrictBy.ACCESS:
        denied = walked.plan.catalog.tables[method.name].quoted
        return [(bound.name, k) for k in await _which(tx, bound, denied, rows)]
    return [(method.name, k) for k in walked.rows.get(method.name, ())] if method.by is RestrictBy.MOVE else []


async def _which(tx: Tx, bound: Bound, quoted: str, keys: list[Value], condition: str = "TRUE") -> list[Value]:
    if not keys:
        return []
    sql = f"SELECT {bound.key.reads()} FROM {quoted} t WHERE {bound.key.condition(1)} AND {condition}"
    return [tuple(r) for r in await tx.fetch(sql, *bound.key.arrays(keys))]


def _seen(tally: Tally | None, item: WorkItem, looked: list[str]) -> Answer:
    counts = tally.counts() if tally is not None else ()
    said = {"task": str(item.task.task_id), "looked": sorted(looked), "found": [c.rows for c in counts]}
    return Answer(
        outcome=Outcome.RESIDUAL if counts else Outcome.NOTHING_FOUND,
        grade=Grade.CONFIRMED_BY_API if counts else Grade.REREAD_ABSENT,
        counts=counts,
        evidence=(Evidence(kind="ordinary_readers", sha256=sha256_hex(canonical(said))),),
    )


def methods(plan: Plan) -> Iterator[tuple[Bound, Restrict]]:
    """Collections whose rows are restricted, and how."""
    for name, bound in plan.bound.items():
        method = bound.collection.restrict
        if method is not None and method.by is not RestrictBy.NONE and name in plan.graph.reached:
            yield bound, method


def flag_is(bound: Bound, column: str, value: str | None) -> str:
    return f"({names.column(column)} IS NOT DISTINCT FROM {_literal(bound.table, column, value)})"


def _literal(table: Table, column: str, value: str | None) -> str:
    return "NULL" if value is None else f"{names.literal(value)}::{table.columns[column].type}"


def _same(bound: Bound, alias: str) -> str:
    return " AND ".join(f"{names.column(c.name, alias)} = {names.column(c.name)}" for c in bound.key.columns)
