"""Following people from their identifiers to their rows: one statement per collection for a whole batch."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lethe_processors.dataset.model import CollectionMethod, Direction
from lethe_processors.sql import retention
from lethe_processors.sql.keys import Value, pick

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from asyncpg import Record

    from lethe_postgres import Tx
    from lethe_processors.dataset import Edge
    from lethe_processors.sql.plan import Bound, Branch, Plan


NOBODY: frozenset[int] = frozenset()


class Row:
    """`values`: the columns of `Bound.selected`, then one per seed. `items`: whose row it is, by batch index."""

    __slots__ = ("items", "key", "retained", "until", "values")

    def __init__(self, key: Value, values: tuple[object, ...], retained: bool, until: datetime | None) -> None:
        self.key = key
        self.values = values
        self.retained = retained
        self.until = until
        self.items = NOBODY


@dataclass(slots=True)
class Walked:
    """`people`: identifiers by batch index. `links`: value followed along an edge → whom. `ambiguous`: left alone.

    `branches`: collections that were left out, because PostgreSQL follows them itself.
    """

    plan: Plan
    people: Sequence[Mapping[str, tuple[str, ...]]]
    branches: Mapping[str, Branch]
    rows: dict[str, dict[Value, Row]] = field(default_factory=lambda: defaultdict(dict))
    links: dict[Edge, dict[Value, frozenset[int]]] = field(default_factory=lambda: defaultdict(dict))
    ambiguous: set[int] = field(default_factory=set)
    nowhere: dict[Edge, set[Value]] = field(default_factory=lambda: defaultdict(set))
    """Values of references that point to no row; see `dangling`."""
    _index: dict[Edge, dict[Value, list[Row]]] = field(default_factory=dict)

    def held(self, edge: Edge, row: Row) -> Value | None:
        """What a row of the holder refers to; None if to nothing."""
        return pick(row.values, self.plan.at_holder[edge])

    def offered(self, edge: Edge, row: Row) -> Value | None:
        """What a row of the target is referred to by."""
        return pick(row.values, self.plan.at_target[edge])

    def referred(self, edge: Edge, row: Row) -> list[Row]:
        """The walked rows to which this row refers."""
        index = self._index.get(edge)
        if index is None:
            index, at = defaultdict(list), self.plan.at_target[edge]
            for target in self.rows.get(edge.target, {}).values():
                value = pick(target.values, at)
                if value is not None:
                    index[value].append(target)
            self._index[edge] = index
        value = pick(row.values, self.plan.at_holder[edge])
        return index.get(value, []) if value is not None else []

    def people_of(self, branch: Branch) -> dict[Value, frozenset[int]]:
        """Values of the root to which rows of a branch refer → whose those rows are."""
        found: dict[Value, frozenset[int]] = {}
        for row in self.rows.get(branch.root.target, {}).values():
            value = self.offered(branch.root, row)
            if value is not None:
                found[value] = found.get(value, NOBODY) | row.items
        return found

    def forget(self, items: set[int]) -> None:
        """Take people out of the batch; rows that are nobody's any more are not touched."""
        for name, rows in self.rows.items():
            for row in rows.values():
                row.items -= items
            self.rows[name] = {k: r for k, r in rows.items() if r.items}
        for values in self.links.values():
            for value, people in values.items():
                values[value] = people - items
        self._index.clear()


async def walk(
    tx: Tx, plan: Plan, people: Sequence[Mapping[str, tuple[str, ...]]], branches: Mapping[str, Branch], *, lock: bool
) -> Walked:
    """`lock` takes row locks in key order, so that nobody adds to what is about to go; needs the right to update."""
    walker = _Walker(tx, Walked(plan, people, branches), lock=lock)
    for component in plan.graph.components:
        await walker.component([plan.bound[n] for n in component if n in plan.bound and n not in branches])
    _retain_like(walker.walked)
    return walker.walked


class _Walker:
    def __init__(self, tx: Tx, walked: Walked, *, lock: bool) -> None:
        self._tx = tx
        self.walked = walked
        self._lock = lock
        self._asked: dict[Edge, set[Value]] = defaultdict(set)

    async def component(self, tables: Sequence[Bound]) -> None:
        """Collections that lead to each other are gone round until nobody new is found."""
        circular = len(tables) > 1 or any(e.source == e.reached for b in tables for e in self._edges(b))
        first, grown = True, True
        while grown:
            grown = False
            for bound in tables:
                grown |= await self._step(bound, first=first)
            first, grown = False, grown and circular
        for bound in tables:
            _drop_ambiguous(self.walked, bound)

    def _edges(self, bound: Bound) -> list[Edge]:
        plan = self.walked.plan
        return [e for e in plan.graph.walked if e.reached == bound.name and e.source in plan.bound]

    async def _step(self, bound: Bound, *, first: bool) -> bool:
        """Read what is newly reached of one collection; whether anything changed."""
        edges = self._edges(bound)
        for edge in edges:
            self._follow(edge)
        seeds = [_seed_values(self.walked, bound, i) for i in range(len(bound.seeds))]
        looked_for = [list(s) if first else [] for s in seeds]
        followed = [[v for v in self.walked.links[e] if v not in self._asked[e]] for e in edges]
        for edge, values in zip(edges, followed, strict=True):
            self._asked[edge].update(values)
        if any(looked_for) or any(followed):
            for sql, arguments in self._statements(bound, looked_for, list(zip(edges, followed, strict=True))):
                _take(self.walked, bound, await self._tx.fetch(sql, *arguments))
        return _tag(self.walked, bound, edges, seeds)

    def _follow(self, edge: Edge) -> None:
        plan = self.walked.plan
        at = plan.at_target[edge] if edge.direction is Direction.FROM else plan.at_holder[edge]
        links = self.walked.links[edge]
        for row in self.walked.rows.get(edge.source, {}).values():
            value = pick(row.values, at)
            if value is not None:
                known = links.get(value)
                links[value] = row.items if known is None else known | row.items

    def _statements(
        self, bound: Bound, looked_for: Sequence[Sequence[object]], followed: Sequence[tuple[Edge, Sequence[Value]]]
    ) -> list[tuple[str, Sequence[object]]]:
        """Single-column conditions in one statement; each composite one alone, as OR would cost it its index."""
        conditions: list[str] = []
        arguments: list[object] = []
        alone: list[tuple[str, Sequence[object]]] = []
        for seed, wanted in zip(bound.seeds, looked_for, strict=True):
            arguments.append(wanted)
            conditions.append(f"{seed.expression} = ANY (${len(arguments)}::{seed.array})")
        for edge, values in followed:
            key = bound.of(edge.fields if edge.direction is Direction.FROM else edge.target_fields)
            if len(key.columns) > 1:
                alone.append((self._select(bound, key.condition(1)), key.arrays(values)))
                continue
            conditions.append(key.condition(len(arguments) + 1))
            arguments += key.arrays(values)
        together = [(self._select(bound, " OR ".join(conditions)), arguments)] if conditions else []
        return [*together, *alone]

    def _select(self, bound: Bound, condition: str) -> str:
        retain = bound.collection.retain
        locks = self._lock and bound.method is not CollectionMethod.KEEP
        order = f" ORDER BY {bound.key.reads()} FOR UPDATE OF t" if locks else ""
        return (
            f"SELECT {bound.reads()}, {retention.retained(retain, bound.table)} AS retained, "
            f"{retention.ends(retain, bound.table)} AS until FROM {bound.table.quoted} t WHERE {condition}{order}"
        )


def _seed_values(walked: Walked, bound: Bound, index: int) -> dict[object, set[int]]:
    """Value to look for → the people who have it."""
    seed = bound.seeds[index]
    found: dict[object, set[int]] = defaultdict(set)
    for item, identifiers in enumerate(walked.people):
        for value in seed.convert(identifiers.get(seed.carrier.kind, ())):
            found[value].add(item)
    return found


def _take(walked: Walked, bound: Bound, records: Sequence[Record]) -> None:
    rows, width = walked.rows[bound.name], len(bound.key.columns)
    for record in records:
        values = tuple(record)
        key = values[:width]
        if key not in rows:
            rows[key] = Row(key, values, values[-2], values[-1])


def _tag(walked: Walked, bound: Bound, edges: Sequence[Edge], seeds: Sequence[Mapping[object, set[int]]]) -> bool:
    """Write down whose the rows are. A weak identity counts only where no other identity of the row contradicts it."""
    grown, nobodys = False, []
    plan = walked.plan
    ends = [(walked.links[e], plan.at_holder[e] if e.direction is Direction.FROM else plan.at_target[e]) for e in edges]
    rows = walked.rows[bound.name]
    for row in rows.values():
        found = row.items
        for links, at in ends:
            value = pick(row.values, at)
            if value is not None:
                # nearly always one way leads to a row, and then this set is shared by all that it leads to
                found = (found | links.get(value, NOBODY)) if found else links.get(value, NOBODY)
        for i, people in enumerate(seeds):
            matched = people.get(row.values[len(bound.selected) + i])
            if matched and bound.seeds[i].carrier.weak:
                matched = {p for p in matched if not _contradicted(walked, bound, row, p)}
            found = found | matched if matched else found
        grown |= len(found) > len(row.items)
        row.items = found
        if not found:
            nobodys.append(row.key)
    for key in nobodys:
        del rows[key]
    return grown


def _contradicted(walked: Walked, bound: Bound, row: Row, person: int) -> bool:
    """The row names somebody else by an identifier that is nobody else's."""
    for i, seed in enumerate(bound.seeds):
        known = seed.convert(walked.people[person].get(seed.carrier.kind, ()))
        value = row.values[len(bound.selected) + i]
        if not seed.carrier.weak and known and value is not None and value not in known:
            return True
    return False


def _drop_ambiguous(walked: Walked, bound: Bound) -> None:
    """Several rows by a weak identity alone: which of these people asked cannot be told."""
    if bound.shared or not any(s.carrier.weak for s in bound.seeds):
        return
    by_weak: dict[int, int] = defaultdict(int)
    strong: set[int] = set()
    for row in walked.rows.get(bound.name, {}).values():
        for person in row.items:
            sure = any(
                row.values[len(bound.selected) + i] in s.convert(walked.people[person].get(s.carrier.kind, ()))
                for i, s in enumerate(bound.seeds)
                if not s.carrier.weak
            )
            strong |= {person} if sure else set()
            by_weak[person] += 0 if sure else 1
    walked.ambiguous |= {p for p, n in by_weak.items() if n > 1 and p not in strong}


def _retain_like(walked: Walked) -> None:
    """Rows that are kept as long as the row they refer to. Rules form no circle, so each depth takes one pass."""
    borrowing = [b for b in walked.plan.bound.values() if b.collection.retain and b.collection.retain.like]
    for _ in borrowing:
        for bound in borrowing:
            edge = like_edge(walked.plan, bound)
            for row in walked.rows.get(bound.name, {}).values() if edge else ():
                kept = [r for r in walked.referred(edge, row) if r.retained] if edge else []
                row.retained, row.until = bool(kept), kept[0].until if kept else None


def like_edge(plan: Plan, bound: Bound) -> Edge | None:
    like = bound.collection.retain.like if bound.collection.retain else None
    return next((e for e in plan.graph.walked if e.holder == bound.name and like in e.fields), None)
