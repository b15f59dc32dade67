"""Treating the rows that stay: personal fields nulled or pseudonymised, references to deleted rows let go."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from lethe_events.words import Method
from lethe_processors.dataset.model import FieldMethod
from lethe_processors.sql import names
from lethe_processors.sql.decide import Fate
from lethe_processors.sql.json_sql import is_treated
from lethe_processors.sql.pseudonym import pseudonym
from lethe_processors.sql.statements import compared, json_without

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from lethe_postgres import Tx
    from lethe_processors.dataset import Edge
    from lethe_processors.dataset.model import Field
    from lethe_processors.sql.decide import Decision
    from lethe_processors.sql.keys import Value
    from lethe_processors.sql.plan import Bound, Plan
    from lethe_processors.sql.walk import Walked


class Run(Protocol):
    """What this module needs of a batch under way."""

    tx: Tx
    plan: Plan
    key: bytes | None
    now: datetime
    walked: Walked
    decision: Decision

    def count(self, name: str, method: Method, keys: Iterable[Value]) -> None: ...


@dataclass(frozen=True, slots=True)
class Treatment:
    """Per column of one collection; JSON columns with keys to treat are in `json`."""

    nulled: tuple[str, ...]
    pseudonymised: tuple[Field, ...]
    json: tuple[Field, ...]

    def __bool__(self) -> bool:
        return bool(self.nulled or self.pseudonymised or self.json)


def treatment(bound: Bound, now: datetime) -> Treatment:
    top = [_without_retained(f, now) for f in bound.collection.fields]
    return Treatment(
        nulled=tuple(f.name for f in top if f.method is FieldMethod.NULL),
        pseudonymised=tuple(f for f in top if f.method is FieldMethod.PSEUDONYMISE),
        json=tuple(f for f in top if f.method is None and any(is_treated(n) for n in f.nested)),
    )


def still_retained(field: Field, now: datetime) -> bool:
    return field.retain is not None and (field.retain.until is None or field.retain.until > now)


def _without_retained(field: Field, now: datetime) -> Field:
    nested = tuple(_without_retained(n, now) for n in field.nested)
    return replace(field, nested=nested, method=None if still_retained(field, now) else field.method)


async def treat(run: Run, bound: Bound) -> None:
    """One UPDATE for all staying rows of a collection; rows that already are as they should be stay untouched.

    Shared rows that the law or others keep are left whole: their fields are other people's too.
    """
    keys = run.decision.keys(bound.name, Fate.FIELDS)
    kept = run.decision.keys(bound.name, Fate.KEEP)
    bystanders = run.decision.keys(bound.name, Fate.RETAINED, Fate.ANCHORED)
    (kept if bound.shared else keys).extend(bystanders)
    links = [e for e in run.decision.links if e.holder == bound.name and run.decision.links[e]]
    chosen = treatment(bound, run.now)
    if kept and links:
        await _update(run, bound, kept, Treatment((), (), ()), links)
    if keys and (chosen or links):
        await _update(run, bound, keys, chosen, links)


async def _update(run: Run, bound: Bound, keys: Sequence[Value], chosen: Treatment, links: Sequence[Edge]) -> None:
    arrays: list[list[object]] = bound.key.arrays(keys)
    for field in chosen.pseudonymised:
        column = bound.table.columns[field.name]
        assert run.key is not None, "the plan refuses pseudonyms without a key"
        key = run.key
        arrays.append([pseudonym(key, bound.name, field, column, k) for k in keys])
    arrays += [[k in run.decision.links[edge] for k in keys] for edge in links]
    found = [tuple(r) for r in await run.tx.fetch(_statement(bound, chosen, links), *arrays)]
    if chosen.nulled or chosen.json or links:
        run.count(bound.name, Method.NULLED, found)
    if chosen.pseudonymised:
        run.count(bound.name, Method.PSEUDONYMISED, found)


def _statement(bound: Bound, chosen: Treatment, links: Sequence[Edge]) -> str:
    width = len(bound.key.columns)
    columns = [bound.table.columns[f.name] for f in chosen.pseudonymised]
    parameters = [bound.key.parameters(1)]
    parameters += [f"${width + 1 + i}::{c.array}" for i, c in enumerate(columns)]
    parameters += [f"${width + 1 + len(columns) + i}::boolean[]" for i in range(len(links))]
    aliases = [f"k{i}" for i in range(width)] + [f"v{i}" for i in range(len(columns))]
    aliases += [f"c{i}" for i in range(len(links))]
    changes = dict.fromkeys(chosen.nulled, "NULL")
    changes |= {c.name: f"r.v{i}" for i, c in enumerate(columns)}
    changes |= {f.name: json_without(bound, f.name, f.nested) for f in chosen.json}
    for i, edge in enumerate(links):
        changes |= {f: f"CASE WHEN r.c{i} THEN NULL ELSE {names.column(f)} END" for f in edge.fields}
    sets = ", ".join(f"{names.ident(c)} = {new}" for c, new in changes.items())
    differs = " OR ".join(
        f"{compared(bound, c)} IS DISTINCT FROM {_comparable(bound, c, n)}" for c, n in changes.items()
    )
    return (
        f"UPDATE {bound.table.quoted} t SET {sets} FROM unnest({', '.join(parameters)}) AS r ({', '.join(aliases)}) "
        f"WHERE {bound.key.joined()} AND ({differs}) RETURNING {bound.key.reads()}"
    )


def _comparable(bound: Bound, column: str, new: str) -> str:
    return f"({new})::jsonb" if bound.table.columns[column].type == "json" else new
