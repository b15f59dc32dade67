"""Rows that have lost their owner: what is left when somebody erased too little, and nobody's name stands on it."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from lethe_processors.dataset.model import CollectionMethod, Direction
from lethe_processors.sql import names
from lethe_processors.sql.stays import equal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lethe_postgres import Tx
    from lethe_processors.dataset import Edge
    from lethe_processors.sql.plan import Bound, Plan


class Probe(NamedTuple):
    """`condition` is true for orphans `t` of the collection."""

    collection: str
    name: str
    condition: str


class Orphans(NamedTuple):
    """`counts`: rows by collection. `ignored`: the dataset says not to look, so absence is not proven by this path."""

    counts: Counter[str]
    ignored: bool


def orphan_probes(plan: Plan) -> tuple[list[Probe], bool]:
    """A reference under an enforced foreign key needs no probe: the database itself allows no orphan."""
    found: list[Probe] = []
    ignored = False
    carried = {(c.collection, c.path[0]) for c in plan.graph.carriers if len(c.path) == 1}
    for edge in plan.graph.walked:
        holder, target = plan.bound.get(edge.holder), plan.bound.get(edge.target)
        if holder is None or target is None or edge.direction is Direction.TO or plan.enforced(edge):
            continue
        if any((edge.holder, f) in carried for f in edge.fields):
            continue  # the value itself is looked for
        if _is_ignored(plan, edge):
            ignored = True
            continue
        filled = " AND ".join(f"{names.column(f)} IS NOT NULL" for f in edge.fields)
        nobody = f"NOT EXISTS (SELECT FROM {target.table.quoted} p WHERE {equal(edge, 't', 'p')})"
        found.append(Probe(edge.holder, ".".join(edge.fields), f"{filled} AND {nobody}"))
    for bound in plan.bound.values():
        probe, skipped = _ownerless(plan, bound)
        found += [probe] if probe else []
        ignored |= skipped
    return found, ignored


def _ownerless(plan: Plan, bound: Bound) -> tuple[Probe | None, bool]:
    """Shared rows to which nobody refers, and rows whose owner a foreign key has set to NULL."""
    if bound.name not in plan.graph.reached or bound.method is not CollectionMethod.DELETE:
        return None, False
    owners = plan.graph.owners(bound.name)
    links = [e for e in plan.graph.holders(bound.name) if e.owner and e.holder != bound.name and e.holder in plan.bound]
    shared_by = [e for e in links if e.direction is Direction.TO]
    if not shared_by and not _may_be_set_null(plan, owners):
        return None, False
    if any(_is_ignored(plan, e) for e in (*shared_by, *owners)):
        return None, True
    empty = [f"{names.column(f)} IS NULL" for e in owners for f in e.fields]
    empty += [f"{s.expression} IS NULL" for s in bound.seeds]
    nobody = [
        f"NOT EXISTS (SELECT FROM {plan.bound[e.holder].table.quoted} h WHERE {equal(e, 'h', 't')})" for e in shared_by
    ]
    return Probe(bound.name, "ownerless", " AND ".join([*empty, *nobody])), False


def _may_be_set_null(plan: Plan, owners: tuple[Edge, ...]) -> bool:
    return any(
        key.on_delete in {"n", "d"} and key.source == edge.holder and set(key.source_columns) == set(edge.fields)
        for edge in owners
        for key in plan.catalog.foreign_keys
    )


def _is_ignored(plan: Plan, edge: Edge) -> bool:
    return any(f.orphans_ignored for f in plan.graph.collections[edge.holder].fields if f.name in edge.fields)


async def count_orphans(tx: Tx, plan: Plan) -> Orphans:
    """One statement over all probes. Reads whole tables: the price of references that the database does not enforce."""
    probes, ignored = orphan_probes(plan)
    if not probes:
        return Orphans(Counter(), ignored)
    parts = [
        f"SELECT {i}, count(*) FROM {plan.bound[p.collection].table.quoted} t WHERE {p.condition}"
        for i, p in enumerate(probes)
    ]
    counts: Counter[str] = Counter()
    for index, rows in await tx.fetch(" UNION ALL ".join(parts)):
        counts[probes[index].collection] += rows
    return Orphans(+counts, ignored)


class Looks:
    """Lets calls at the same time share a look, as long as it begins after each of them.

    A look is the same whoever asks, and costs whole tables; what it sees must not be older than the call, before which
    the erasure was committed.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._begun = 0
        self._last: tuple[int, Orphans] | None = None

    async def after_now(self, look: Callable[[], Awaitable[Orphans]]) -> Orphans:
        before = self._begun
        async with self._turn:
            if self._last is not None and self._last[0] > before:
                return self._last[1]
            self._begun += 1
            number = self._begun
            self._last = (number, await look())
            return self._last[1]
