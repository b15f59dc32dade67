"""The graph of a dataset: how a person is followed from identities to rows, and whose a row is. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from lethe_processors.dataset.model import CollectionMethod, Direction, Match
from lethe_processors.dataset.ordering import components

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lethe_processors.dataset.model import Collection, Dataset, Field, FieldPath, Reference

SPECIFIC = 3  # segments of a category that names one kind of value, for example user.contact.email
_MATCH_OF_KIND = {"email": Match.CASEFOLD, "phone_number": Match.PHONE}


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """Rows of `holder` refer to rows of `target`: all `fields` together equal all `target_fields`.

    One object per reference of a graph, compared by identity: it is a key wherever rows are counted by thousands.
    """

    holder: str
    fields: tuple[str, ...]
    target: str
    target_fields: tuple[str, ...]
    direction: Direction
    owner: bool

    @property
    def source(self) -> str:
        """Where the walk comes from."""
        return self.target if self.direction is Direction.FROM else self.holder

    @property
    def reached(self) -> str:
        return self.holder if self.direction is Direction.FROM else self.target


class Carrier(NamedTuple):
    """A field that holds values of one kind of identifier."""

    collection: str
    path: FieldPath
    kind: str
    match: Match
    weak: bool
    declared: bool
    """It is the identity itself, by which rows are found; otherwise its category or its reference says so."""


def match_of(kind: str, field: Field) -> Match:
    return field.match or _MATCH_OF_KIND.get(kind, Match.EXACT)


class Graph:
    """`kinds`: the kinds of identifier that the register lists for this processor; others lead nowhere."""

    def __init__(self, dataset: Dataset, kinds: Iterable[str]) -> None:
        self.dataset = dataset
        self.kinds = frozenset(kinds)
        self.collections = {c.name: c for c in dataset.collections}
        found = [e for c in dataset.collections for e in _edges(c, self.collections)]
        self.edges = tuple(sorted(found, key=lambda e: (e.holder, e.fields, e.target, e.target_fields)))

    @cached_property
    def identities(self) -> tuple[Carrier, ...]:
        """Fields by which a person is found."""
        return tuple(
            Carrier(c.name, path, f.identity, match_of(f.identity, f), f.weak, declared=True)
            for c in self.dataset.collections
            for path, f in c.leaves()
            if f.identity is not None and f.identity in self.kinds
        )

    @cached_property
    def seeded(self) -> frozenset[str]:
        return frozenset(i.collection for i in self.identities)

    @cached_property
    def reached(self) -> frozenset[str]:
        """Collections that hold rows of a person, followed from the identities. Shared rows lead no further."""
        found = set(self.seeded)
        frontier = list(found)
        while frontier:
            name = frontier.pop()
            for edge in self.edges:
                if edge.owner and edge.source == name and edge.reached not in found and not self.is_shared(name):
                    found.add(edge.reached)
                    frontier.append(edge.reached)
        return frozenset(found)

    def is_shared(self, name: str) -> bool:
        """Rows may be several people's: declared so, or others may refer to them as well."""
        return self.collections[name].shared or any(
            e.target == name and e.direction is Direction.TO and e.owner for e in self.edges
        )

    @cached_property
    def walked(self) -> tuple[Edge, ...]:
        """Edges along which a person is followed."""
        return tuple(e for e in self.edges if e.owner and e.source in self.reached and not self.is_shared(e.source))

    @cached_property
    def mentions(self) -> tuple[Edge, ...]:
        """References to a person from rows that are somebody else's: cut when that person is erased."""
        return tuple(e for e in self.edges if not e.owner and e.target in self.reached)

    def owners(self, name: str) -> tuple[Edge, ...]:
        """References by which a row of this collection belongs to a person."""
        return tuple(e for e in self.walked if e.reached == name and e.direction is Direction.FROM)

    def holders(self, name: str) -> tuple[Edge, ...]:
        """Every described reference to this collection."""
        return tuple(e for e in self.edges if e.target == name)

    @cached_property
    def components(self) -> tuple[tuple[str, ...], ...]:
        """Reached collections in the order of the walk; those that lead to each other together."""
        arrows: dict[str, set[str]] = defaultdict(set)
        for edge in self.walked:
            arrows[edge.reached].add(edge.source)
        return components(self.reached, arrows)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Collections whose rows may have to stay because rows that the law keeps refer to them."""
        found: set[str] = set()
        frontier = [c.name for c in self.dataset.collections if c.retain is not None and c.name in self.reached]
        while frontier:
            name = frontier.pop()
            for edge in self.edges:
                if edge.holder == name and edge.owner and edge.target in self.reached and edge.target not in found:
                    found.add(edge.target)
                    frontier.append(edge.target)
        return frozenset(found)

    @cached_property
    def carriers(self) -> tuple[Carrier, ...]:
        """Every field in which a value of a known kind of identifier is to be looked for.

        A field carries a kind if it is that identity, refers to a field that carries it, or has the same category
        (of at least three segments: a broader one says too little about the value).
        """
        found: dict[tuple[str, FieldPath, str], Carrier] = {(i.collection, i.path, i.kind): i for i in self.identities}
        categories = self._categories()
        for collection in self.dataset.collections:
            for path, field in collection.leaves():
                for kind in sorted(k for c in field.categories for k in _kinds_of(c, categories)):
                    found.setdefault(
                        (collection.name, path, kind),
                        Carrier(collection.name, path, kind, match_of(kind, field), self._weak(kind), declared=False),
                    )
        self._follow_references(found)
        return tuple(c for _, c in sorted(found.items()) if self._searched(c))

    def _categories(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for identity in self.identities:
            for category in self.field(identity.collection, identity.path).categories:
                if category.count(".") >= SPECIFIC - 1:
                    found[category].add(identity.kind)
        return found

    def _follow_references(self, found: dict[tuple[str, FieldPath, str], Carrier]) -> None:
        grown = True
        while grown:
            grown = False
            for edge in self.edges:
                for mine, theirs in zip(edge.fields, edge.target_fields, strict=True):
                    for carrier in [c for c in found.values() if (c.collection, c.path) == (edge.target, (theirs,))]:
                        key = (edge.holder, (mine,), carrier.kind)
                        if key not in found:
                            found[key] = carrier._replace(collection=edge.holder, path=(mine,), declared=False)
                            grown = True

    def _searched(self, carrier: Carrier) -> bool:
        return self.field(carrier.collection, carrier.path).search

    def _weak(self, kind: str) -> bool:
        return all(i.weak for i in self.identities if i.kind == kind)

    def field(self, collection: str, path: FieldPath) -> Field:
        """Raises KeyError for a path that is not described."""
        fields = self.collections[collection].fields
        for depth, name in enumerate(path):
            field = next((f for f in fields if f.name == name), None)
            if field is None:
                break
            if depth == len(path) - 1:
                return field
            fields = field.nested
        raise KeyError(f"{collection}.{'.'.join(path)}")

    @cached_property
    def key_fields(self) -> frozenset[tuple[str, str]]:
        """(collection, field) of every primary key and of both ends of every reference."""
        found = {(c.name, f) for c in self.dataset.collections for f in c.primary_key}
        for edge in self.edges:
            found |= {(edge.holder, f) for f in edge.fields} | {(edge.target, f) for f in edge.target_fields}
        return frozenset(found)

    @cached_property
    def erased(self) -> frozenset[str]:
        """Reached collections in which erasure changes something."""
        return frozenset(n for n in self.reached if self.collections[n].method is not CollectionMethod.KEEP)


def _kinds_of(category: str, categories: dict[str, set[str]]) -> set[str]:
    """Kinds whose category is this one or one above it, by whole segments."""
    return {k for c, kinds in categories.items() if category == c or category.startswith(c + ".") for k in kinds}


def _edges(collection: Collection, collections: dict[str, Collection]) -> Iterable[Edge]:
    groups: dict[tuple[str, Direction, bool], list[tuple[Field, Reference]]] = defaultdict(list)
    for field in collection.fields:
        for reference in field.references:
            groups[reference.collection, reference.direction, field.owner].append((field, reference))
    for (target, direction, owner), members in groups.items():
        if _is_composite(collections[target], members):
            ordered = sorted(members, key=lambda m: m[1].field)
            fields, theirs = tuple(f.name for f, _ in ordered), tuple(r.field for _, r in ordered)
            yield Edge(collection.name, fields, target, theirs, direction, owner)
            continue
        for field, reference in members:
            yield Edge(collection.name, (field.name,), target, (reference.field,), direction, owner)


def _is_composite(target: Collection, members: list[tuple[Field, Reference]]) -> bool:
    """Several fields refer together unless each refers to something that tells a row by itself."""
    theirs = [r.field for _, r in members]
    if len(theirs) == 1 or len(set(theirs)) != len(theirs):
        return False
    alone = {target.primary_key[0]} if len(target.primary_key) == 1 else set()
    alone |= {f.name for f in target.fields if f.identity is not None}
    return not set(theirs) <= alone
