"""A dataset's graph bound to what the database is: the ground on which every statement is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from lethe_processors.dataset.model import CollectionMethod, Direction, FieldMethod
from lethe_processors.sql.catalog import Family
from lethe_processors.sql.keys import Key, read
from lethe_processors.sql.matching import Matcher, matcher
from lethe_processors.sql.order import Order, deletion_order

if TYPE_CHECKING:
    from lethe_processors.dataset import Edge
    from lethe_processors.dataset.graph import Graph
    from lethe_processors.dataset.model import Collection, Field, FieldPath
    from lethe_processors.sql.catalog import Catalog, Column, ForeignKey, Table


_COMPARABLE = frozenset({Family.INTEGER, Family.TEXT, Family.UUID})
_AS_TEXT = _COMPARABLE | {Family.DATE}
"""Families whose values PostgreSQL writes as text as Python does."""


class Slot(NamedTuple):
    """One person's place in a row that may be several people's.

    The row is the person's through any of `edges` or `seeds`; `fields` concern that person, links included.
    """

    name: str
    edges: tuple[Edge, ...]
    seeds: tuple[int, ...]
    fields: tuple[tuple[FieldPath, Field], ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A described collection and its table. `selected`: columns that the walk reads, after them the `seeds`' values."""

    collection: Collection
    table: Table
    key: Key
    selected: tuple[Column, ...]
    seeds: tuple[Matcher, ...]
    slots: tuple[Slot, ...]
    shared: bool

    @property
    def name(self) -> str:
        return self.collection.name

    @property
    def method(self) -> CollectionMethod:
        return self.collection.method or CollectionMethod.KEEP

    def positions(self, columns: tuple[str, ...]) -> tuple[int, ...]:
        """Where the walk's rows hold these columns."""
        names = [c.name for c in self.selected]
        return tuple(names.index(c) for c in columns)

    @property
    def may_be_two_peoples(self) -> bool:
        """More than one way leads to a row. By one way alone it cannot but be the person's."""
        return len(self.slots) + bool(self.seeds) > 1

    def of(self, columns: tuple[str, ...]) -> Key:
        return Key(tuple(self.table.columns[c] for c in columns))

    def nullable(self, columns: tuple[str, ...]) -> bool:
        return not any(self.table.columns[c].not_null for c in columns)

    def reads(self) -> str:
        return ", ".join([*(read(c) for c in self.selected), *(s.expression for s in self.seeds)])


@dataclass(frozen=True, slots=True)
class Branch:
    """A collection whose rows Python need not see: PostgreSQL itself follows, removes, counts and reads them by person.

    Most rows of a person hang on others by one reference alone and mean nothing to any further row. Whose they are
    is whose the row above is, and that is decided at the root. `path` leads from the collection up; its last edge
    ends at a collection that is walked, the root.
    """

    bound: Bound
    path: tuple[Edge, ...]

    @property
    def root(self) -> Edge:
        return self.path[-1]


@dataclass(frozen=True)
class Plan:
    """Made once per connection pool, and again when the database has changed its mind about a table."""

    graph: Graph
    catalog: Catalog
    bound: dict[str, Bound]
    variants: dict[tuple[str, ...], Plan] = field(default_factory=dict, repr=False, compare=False)
    """Plans for other readings of the same dataset, by the categories that stay; see `withheld`."""

    @cached_property
    def unknown(self) -> tuple[ForeignKey, ...]:
        """Foreign keys that end at a collection from which rows go, and that the dataset does not describe."""
        described = {(e.holder, frozenset(e.fields), e.target) for e in self.graph.edges}
        return tuple(
            f
            for f in self.catalog.foreign_keys
            if f.target in self.bound
            and self.bound[f.target].method is CollectionMethod.DELETE
            and (f.source, frozenset(f.source_columns), f.target) not in described
        )

    @cached_property
    def held_by(self) -> dict[str, tuple[Edge, ...]]:
        """References of each collection's rows to other rows of the walk, mentions left out."""
        known = [e for e in self.graph.edges if e.owner and e.target in self.bound]
        return {name: tuple(e for e in known if e.holder == name) for name in self.bound}

    @cached_property
    def at_holder(self) -> dict[Edge, tuple[int, ...]]:
        """Where rows of the holder have the edge's fields."""
        return {e: self.bound[e.holder].positions(e.fields) for e in self.graph.edges if e.holder in self.bound}

    @cached_property
    def at_target(self) -> dict[Edge, tuple[int, ...]]:
        return {e: self.bound[e.target].positions(e.target_fields) for e in self.graph.edges if e.target in self.bound}

    @cached_property
    def erasable(self) -> dict[str, Branch]:
        """Branches whose every row goes, whatever it holds: nothing that may stay refers to one."""
        undescribed = {k.target for k in self.unknown} | {k.source for k in self.unknown}
        plain = {
            name
            for name, bound in self.bound.items()
            if bound.method is CollectionMethod.DELETE
            and bound.collection.retain is None
            and name not in undescribed
            and _hangs_by_one(self, bound)
        }
        return _branches(self, plain)

    @cached_property
    def readable(self) -> dict[str, Branch]:
        """Branches whose rows can be read out without knowing any of them by its key."""
        return _branches(self, {name for name, bound in self.bound.items() if _hangs_by_one(self, bound)})

    @cached_property
    def order(self) -> Order:
        return deletion_order(self.graph.edges, self.catalog.foreign_keys, self.bound)

    def enforced(self, edge: Edge) -> bool:
        """Whether a constraint guarantees that no row of `edge` can point to nothing."""
        return edge in self._enforced

    @cached_property
    def _enforced(self) -> frozenset[Edge]:
        found = set()
        for edge in self.graph.edges:
            pairs = set(zip(edge.fields, edge.target_fields, strict=True))
            for key in self.catalog.foreign_keys:
                ends = (key.source, key.target) == (edge.holder, edge.target)
                if key.enforced and ends and set(zip(key.source_columns, key.target_columns, strict=True)) <= pairs:
                    found.add(edge)
        return frozenset(found)


def bind(graph: Graph, catalog: Catalog) -> Plan:
    """Bind what exists. Collections whose table or columns are missing stay out: `problems` tells of them."""
    bound: dict[str, Bound] = {}
    for name in sorted(graph.reached | {e.holder for e in graph.edges}):
        table = catalog.tables.get(name)
        if table is None or missing_columns(graph.collections[name], table):
            continue
        bound[name] = _bound(graph, catalog, name, table)
    return Plan(graph, catalog, bound)


def missing_columns(collection: Collection, table: Table) -> list[str]:
    return sorted(f.name for f in collection.fields if f.name not in table.columns)


def _bound(graph: Graph, catalog: Catalog, name: str, table: Table) -> Bound:
    collection = graph.collections[name]
    seeds = tuple(m for i in graph.identities if i.collection == name for m in [matcher(i, table)] if m is not None)
    columns = dict.fromkeys(collection.primary_key)
    for edge in graph.edges:
        columns |= dict.fromkeys(edge.fields if edge.holder == name else ())
        columns |= dict.fromkeys(edge.target_fields if edge.target == name else ())
    for key in catalog.foreign_keys:
        columns |= dict.fromkeys(key.target_columns if key.target == name else ())
    return Bound(
        collection=collection,
        table=table,
        key=Key(tuple(table.columns[c] for c in collection.primary_key)),
        selected=tuple(table.columns[c] for c in columns),
        seeds=seeds,
        slots=_slots(graph, collection, seeds),
        shared=graph.is_shared(name),
    )


def _slots(graph: Graph, collection: Collection, seeds: tuple[Matcher, ...]) -> tuple[Slot, ...]:
    """In shared rows each reference and identity that is not `about` another one is a person of its own."""
    owners = graph.owners(collection.name)
    if not graph.is_shared(collection.name):
        return tuple(Slot(e.fields[0], (e,), (), ()) for e in owners)
    top = {f.name: f for f in collection.fields}
    heads: dict[str, str] = {}  # field → the field that names its slot
    for edge in owners:
        first = next((top[f].about for f in edge.fields if top[f].about), None) or edge.fields[0]
        heads |= dict.fromkeys(edge.fields, first)
    for seed in seeds:
        name = seed.carrier.path[0]
        heads.setdefault(name, top[name].about or name)
    slots = []
    for head in dict.fromkeys(heads.values()):
        members = {f for f, h in heads.items() if h == head}
        fields = tuple(
            (p, f) for p, f in collection.leaves() if (len(p) == 1 and p[0] in members) or (f.about or "") in members
        )
        slots.append(
            Slot(
                name=head,
                edges=tuple(e for e in owners if e.fields[0] in members),
                seeds=tuple(i for i, s in enumerate(seeds) if s.carrier.path[0] in members),
                fields=fields,
            )
        )
    return tuple(slots)


def staying_fields(collection: Collection) -> tuple[tuple[FieldPath, Field], ...]:
    """Fields that erasure treats in a row that stays. A retained field is treated when its retention is over."""
    return tuple(
        (path, f)
        for path, f in collection.leaves()
        if f.method in {FieldMethod.NULL, FieldMethod.DELETE, FieldMethod.PSEUDONYMISE}
    )


def comparable(one: Column, other: Column) -> bool:
    """Whether values of both columns compare as the same Python values."""
    if Family.OTHER in {one.family, other.family}:
        return one.type == other.type
    return one.family is other.family


def _hangs_by_one(plan: Plan, bound: Bound) -> bool:
    """Exactly one reference, upwards, and no identity: the row is one person's, and says nothing of another."""
    if bound.shared or bound.seeds or bound.name not in plan.graph.reached:
        return False
    held = [e for e in plan.graph.edges if e.holder == bound.name]
    if len(held) != 1 or held[0] not in plan.graph.walked or held[0].direction is not Direction.FROM:
        return False
    [edge] = held
    above = plan.bound.get(edge.target)
    if above is None or edge.target == bound.name:
        return False
    compared = [bound.table.columns[f] for f in edge.fields] + [above.table.columns[f] for f in edge.target_fields]
    return all(_is(c, _COMPARABLE) for c in compared) and all(_is(c, _AS_TEXT) for c in bound.key.columns)


def _is(column: Column, families: frozenset[Family]) -> bool:
    return column.family in families and column.type != "citext"  # whose equality is not Python's


def _branches(plan: Plan, plain: set[str]) -> dict[str, Branch]:
    """Only those to which nothing refers but what is plain too, each with its way up to what is not."""
    before = None
    while before != plain:
        before = plain
        plain = {n for n in plain if all(e.holder in plain and e.owner for e in plan.graph.holders(n))}
    only = {e.holder: e for e in plan.graph.walked if e.holder in plain}
    # below two rows of equal value a row would be two people's: those are walked
    shared = {e.target for e in only.values() if not plan.bound[e.target].table.is_key(e.target_fields)} & plain
    if shared:
        return _branches(plan, plain - shared)
    found = {}
    for name in plain:
        path = [only[name]]
        while path[-1].target in plain and len(path) <= len(plain):
            path.append(only[path[-1].target])
        if path[-1].target not in plain:  # else they go round in a circle, which no person enters
            found[name] = Branch(plan.bound[name], tuple(path))
    return found
