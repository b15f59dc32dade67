"""From the rows of a collection up to a person who is still there: the other way round than erasure walks."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from lethe_processors.dataset.model import CollectionMethod, Direction, FieldMethod
from lethe_processors.sql.keys import read
from lethe_processors.sql.matching import matcher
from lethe_processors.sql.pseudonym import pseudonym
from lethe_processors.sql.stays import ends, equal, is_treated, kept_by_law, may_stay, untreated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from lethe_postgres import Tx
    from lethe_processors.dataset import Edge
    from lethe_processors.dataset.model import Field
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.matching import Matcher
    from lethe_processors.sql.plan import Bound, Plan


class Left(NamedTuple):
    """A row that hangs on a person who is still there. `clean`: nothing in it should have been emptied."""

    people: frozenset[int]
    collection: str
    key: Value
    by_law: bool
    stays: bool
    until: datetime | None
    clean: bool


async def hanging_on(
    tx: Tx, plan: Plan, people: Mapping[int, Mapping[str, tuple[str, ...]]], *, key: bytes | None, now: datetime
) -> list[Left]:
    """Every row, of every collection, from which references lead up to one of these people; the person's own too."""
    found: list[Left] = []
    for name in sorted(plan.graph.reached & set(plan.bound)):
        for path in paths_up(plan, name):
            root = path[-1].target if path else name
            if root in plan.graph.seeded:
                found += await _along(tx, plan, plan.bound[name], path, people, key=key, now=now)
    return found


def paths_up(plan: Plan, name: str) -> list[tuple[Edge, ...]]:
    """Ways from a collection up to its owners, each collection at most once on a way; the empty way first."""
    found: list[tuple[Edge, ...]] = [()]
    frontier: list[tuple[Edge, ...]] = [()]
    while frontier:
        path = frontier.pop()
        at = path[-1].target if path else name
        passed = {name, *(e.target for e in path)}
        for edge in plan.graph.owners(at):
            if edge.direction is Direction.FROM and edge.target not in passed and edge.target in plan.bound:
                frontier.append((*path, edge))
                found.append((*path, edge))
    return found


def joined_from(plan: Plan, bound: Bound, path: Sequence[Edge]) -> tuple[str, str]:
    """The FROM clause from `t` up the path, and the alias of its end."""
    clause, alias = f"{bound.table.quoted} t", "t"
    for i, edge in enumerate(path):
        above = f"p{i}"
        clause += f" JOIN {plan.bound[edge.target].table.quoted} {above} ON {equal(edge, alias, above)}"
        alias = above
    return clause, alias


async def _along(
    tx: Tx,
    plan: Plan,
    bound: Bound,
    path: Sequence[Edge],
    people: Mapping[int, Mapping[str, tuple[str, ...]]],
    *,
    key: bytes | None,
    now: datetime,
) -> list[Left]:
    clause, end = joined_from(plan, bound, path)
    root = plan.bound[path[-1].target] if path else bound
    strong = [m for s in root.seeds if not s.carrier.weak for m in [matcher(s.carrier, root.table, end)] if m]
    whose = [_values(m, people) for m in strong]
    if not any(whose):
        return []
    pseudonyms = [f for f in bound.collection.fields if _is_pseudonymised(bound, f, now)]
    reads = [m.expression for m in strong] + [read(bound.table.columns[f.name]) for f in pseudonyms]
    tests = " OR ".join(f"{m.expression} = ANY (${i + 1}::{m.array})" for i, m in enumerate(strong))
    sql = (
        f"SELECT {kept_by_law(plan, bound)}, {may_stay(plan, bound)}, {ends(plan, bound)}, {untreated(bound, now)}, "
        f"{bound.key.reads()}, {', '.join(reads)} FROM {clause} WHERE {tests}"
    )
    # a row that stays by design had to let go of its owner
    held_on = bool(path) and CollectionMethod.DELETE is plan.bound[path[0].target].method is not bound.method
    found = []
    width = len(bound.key.columns)
    for record in await tx.fetch(sql, *[list(w) for w in whose]):
        by_law, stays, until, dirty, *rest = tuple(record)
        row_key, values, left = tuple(rest[:width]), rest[width : width + len(strong)], rest[width + len(strong) :]
        owners = {p for w, v in zip(whose, values, strict=True) for p in w.get(v, ())}
        clean = not (dirty or held_on) and all(
            _is_pseudonym(bound, f, row_key, v, key) for f, v in zip(pseudonyms, left, strict=True)
        )
        found.append(Left(frozenset(owners), bound.name, row_key, by_law, stays, until, clean))
    return found


def _values(made: Matcher, people: Mapping[int, Mapping[str, tuple[str, ...]]]) -> dict[object, set[int]]:
    found: dict[object, set[int]] = defaultdict(set)
    for person, identifiers in people.items():
        for value in made.convert(identifiers.get(made.carrier.kind, ())):
            found[value].add(person)
    return found


def _is_pseudonymised(bound: Bound, field: Field, now: datetime) -> bool:
    return field.method is FieldMethod.PSEUDONYMISE and is_treated(bound, (field.name,), field, now)


def _is_pseudonym(bound: Bound, field: Field, row: Value, value: object, key: bytes | None) -> bool:
    if value is None or key is None:
        return value is None
    return bool(value == pseudonym(key, bound.name, field, bound.table.columns[field.name], row))


async def owners_of(tx: Tx, plan: Plan, bound: Bound, keys: Iterable[Value]) -> dict[Value, list[dict[str, object]]]:
    """For rows of a collection: the strong identities (by kind) of the people who own them, as far as they exist."""
    found: dict[Value, list[dict[str, object]]] = defaultdict(list)
    listed = list(keys)
    for path in paths_up(plan, bound.name):
        root = plan.bound[path[-1].target] if path else bound
        clause, end = joined_from(plan, bound, path)
        strong = [m for s in root.seeds if not s.carrier.weak for m in [matcher(s.carrier, root.table, end)] if m]
        if not strong or not path:
            continue
        reads = ", ".join(m.expression for m in strong)
        sql = f"SELECT {bound.key.reads()}, {reads} FROM {clause} WHERE {bound.key.condition(1)}"
        width = len(bound.key.columns)
        for record in await tx.fetch(sql, *bound.key.arrays(listed)):
            row = tuple(record)
            values = {m.carrier.kind: v for m, v in zip(strong, row[width:], strict=True)}
            found[tuple(row[:width])].append(values)
    return found
