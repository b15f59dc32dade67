"""Looking for the values of identifiers in every column that carries their kind, whoever the row seems to belong to."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from lethe_processors.sql import names
from lethe_processors.sql.catalog import Family
from lethe_processors.sql.matching import Matcher, matcher, matching
from lethe_processors.sql.stays import ends, kept_by_law, may_stay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from lethe_postgres import Tx
    from lethe_processors.dataset import Carrier
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.plan import Bound, Plan


_TEXT_ARRAYS = frozenset({"text[]", "character varying[]", "citext[]"})


class Hit(NamedTuple):
    """A row in which an identifier of these people stands. `seeds`: its values of the collection's identities."""

    people: frozenset[int]
    carrier: Carrier
    key: Value
    by_law: bool
    stays: bool
    until: datetime | None
    seeds: tuple[object, ...]


async def probe(tx: Tx, plan: Plan, people: Sequence[Mapping[str, tuple[str, ...]]]) -> list[Hit]:
    """One statement per collection that has carriers."""
    found: list[Hit] = []
    by_collection: dict[str, list[tuple[Matcher, str]]] = defaultdict(list)
    for carrier in plan.graph.carriers:
        made = searchable(plan, carrier)
        if made is not None:
            by_collection[carrier.collection].append(made)
    for name, matchers in by_collection.items():
        found += await _probe_one(tx, plan, plan.bound[name], matchers, people)
    return found


def searchable(plan: Plan, carrier: Carrier) -> tuple[Matcher, str] | None:
    """How values of the carrier are compared, and from where they come. None where they cannot be looked for."""
    bound = plan.bound.get(carrier.collection)
    if bound is None:
        return None
    source = f"{bound.table.quoted} t"
    column = bound.table.columns[carrier.path[0]]
    value = names.column(column.name)
    if is_inside_array(bound, carrier):
        source += f", LATERAL jsonb_path_query({value}::jsonb, {names.json_path(carrier.path, each=True)}) AS q (v)"
        return matching(carrier, "(q.v #>> '{}')"), source
    if column.type in _TEXT_ARRAYS and len(carrier.path) == 1:
        return matching(carrier, "q.v"), f"{source}, LATERAL unnest({value}) AS q (v)"
    made = matcher(carrier, bound.table)
    return (made, source) if made is not None else None


async def _probe_one(
    tx: Tx,
    plan: Plan,
    bound: Bound,
    searches: Sequence[tuple[Matcher, str]],
    people: Sequence[Mapping[str, tuple[str, ...]]],
) -> list[Hit]:
    matchers = [m for m, _ in searches]
    whose: list[dict[object, set[int]]] = []
    for found in matchers:
        values: dict[object, set[int]] = defaultdict(set)
        for person, identifiers in enumerate(people):
            for value in found.convert(identifiers.get(found.carrier.kind, ())):
                values[value].add(person)
        whose.append(values)
    if not any(whose):
        return []
    parts = [_part(plan, bound, i, m, source) for i, (m, source) in enumerate(searches)]
    hits = []
    width = len(bound.key.columns)
    for record in await tx.fetch(" UNION ALL ".join(parts), *[list(w) for w in whose]):
        index, text, by_law, stays, until, *rest = tuple(record)
        chosen = matchers[index]
        value = int(text) if chosen.family is Family.INTEGER else text
        owners = whose[index].get(value) or {p for v, ps in whose[index].items() if str(v) == text for p in ps}
        hits.append(
            Hit(frozenset(owners), chosen.carrier, tuple(rest[:width]), by_law, stays, until, tuple(rest[width:]))
        )
    return hits


def _part(plan: Plan, bound: Bound, index: int, made: Matcher, source: str) -> str:
    seeds = "".join(f", {s.expression}" for s in bound.seeds)
    value = made.expression
    return (
        f"SELECT {index}, ({value})::text, {kept_by_law(plan, bound)}, {may_stay(plan, bound)}, {ends(plan, bound)}, "
        f"{bound.key.reads()}{seeds} FROM {source} WHERE {value} = ANY (${index + 1}::{made.array})"
    )


def is_inside_array(bound: Bound, carrier: Carrier) -> bool:
    fields = bound.collection.fields
    for name in carrier.path[:-1]:
        at = next(f for f in fields if f.name == name)
        if at.data_type is not None and at.data_type.endswith("[]"):
            return True
        fields = at.nested
    last = next(f for f in fields if f.name == carrier.path[-1])
    return len(carrier.path) > 1 and last.data_type is not None and last.data_type.endswith("[]")
