"""Of whom a database holds data: every row that names a person and from which rows in scope are reached."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_events.subject_token import normalise
from lethe_processors.connector import Somebody
from lethe_processors.dataset.model import Direction
from lethe_processors.sql import names
from lethe_processors.sql.catalog import Family

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from datetime import datetime

    from asyncpg import Record

    from lethe_postgres import Tx
    from lethe_processors.dataset import Carrier, Edge
    from lethe_processors.dataset.model import FieldPath
    from lethe_processors.sql.plan import Bound, Plan

AT_ONCE = 2000
"""Rows in memory at a time."""
_EMAIL = "user.contact.email"
_LANGUAGE = "user.demographic.language"


@dataclass(frozen=True, slots=True)
class Asking:
    """One statement: the rows of a collection that name people. Its only parameter is the end of the window."""

    carriers: tuple[Carrier, ...]
    sql: str
    has_email: bool
    has_language: bool


def askings(plan: Plan, categories: Collection[str]) -> tuple[Asking, ...]:
    """A statement per collection with identities, in their order."""
    found = (_asking(plan, plan.bound[name], categories) for name in sorted(plan.graph.seeded) if name in plan.bound)
    return tuple(one for one in found if one is not None)


async def everybody(
    tx: Tx, plan: Plan, categories: Collection[str], until: datetime
) -> AsyncIterator[Sequence[Somebody]]:
    """Inside a transaction, because rows come through a cursor."""
    for asking in askings(plan, categories):
        cursor = await tx.cursor(asking.sql, until)
        while records := await cursor.fetch(AT_ONCE):
            yield [_somebody(asking, record) for record in records]


def _somebody(asking: Asking, record: Record) -> Somebody:
    certain, email, language, *values = record
    named = tuple(
        (carrier.kind, normalise(carrier.kind, str(value)))
        for carrier, value in zip(asking.carriers, values, strict=True)
        if value is not None and str(value).strip()
    )
    return Somebody(
        identifiers=named,
        weak=frozenset(c.kind for c in asking.carriers if c.weak),
        certain=certain,
        email=email,
        language=language,
    )


def _asking(plan: Plan, bound: Bound, categories: Collection[str]) -> Asking | None:
    carriers = tuple(i for i in plan.graph.identities if i.collection == bound.name)
    sure, maybe = [], []
    for target, path in _reached(plan, bound.name).items():
        columns = _in_scope(plan.bound[target], categories)
        if not columns:
            continue
        recorded = plan.bound[target].collection.recorded
        held = " OR ".join(f"%s.{names.ident(c)} IS NOT NULL" for c in columns)
        if recorded is None:
            maybe.append(_hangs_on(plan, path, held))
        else:
            sure.append(_hangs_on(plan, path, f"({held}) AND %s.{names.ident(recorded)} <= $1::timestamptz"))
    if not sure and not maybe:
        return None
    certain = " OR ".join(sure) or "false"
    own = next((_text(c.path, bound) for c in carriers if c.kind == "email"), None)
    email, language = own or _value(bound, _EMAIL), _value(bound, _LANGUAGE)
    values = ", ".join(_text(c.path, bound) for c in carriers)
    sql = (
        f"SELECT ({certain}) IS TRUE, {email or 'NULL'}, {language or 'NULL'}, {values} FROM {bound.table.quoted} t "
        f"WHERE ({' OR '.join([*sure, *maybe])}) AND $1::timestamptz IS NOT NULL"
    )
    return Asking(carriers, sql, email is not None, language is not None)


def _reached(plan: Plan, start: str) -> dict[str, tuple[Edge, ...]]:
    """Collections that hold a person's rows, each with the shortest way from the row that names the person."""
    found: dict[str, tuple[Edge, ...]] = {start: ()}
    frontier = [start]
    while frontier:
        name = frontier.pop(0)
        for edge in plan.graph.walked:
            if edge.source == name and edge.reached in plan.bound and edge.reached not in found:
                found[edge.reached] = (*found[name], edge)
                frontier.append(edge.reached)
    return found


def _hangs_on(plan: Plan, path: tuple[Edge, ...], held: str, depth: int = 0) -> str:
    """Whether at the end of the way there is a row of which `held` is true; `%s` stands for its alias."""
    here = "t" if depth == 0 else f"t{depth}"
    if not path:
        return "(" + held.replace("%s", here) + ")"
    edge, there = path[0], f"t{depth + 1}"
    down = edge.direction is Direction.FROM
    mine, theirs = (edge.target_fields, edge.fields) if down else (edge.fields, edge.target_fields)
    left = ", ".join(names.column(f, here) for f in mine)
    read = ", ".join(names.column(f, there) for f in theirs)
    beyond = _hangs_on(plan, path[1:], held, depth + 1)
    return f"({left}) IN (SELECT {read} FROM {plan.bound[edge.reached].table.quoted} {there} WHERE {beyond})"


def _in_scope(bound: Bound, categories: Collection[str]) -> list[str]:
    """Columns that hold data of these categories or of narrower ones; without any, all that is personal."""
    found = {
        path[0]
        for path, field in bound.collection.leaves()
        if (field.personal and not categories)
        or any(c == w or c.startswith(w + ".") for c in field.categories for w in categories)
    }
    return sorted(found)


def _value(bound: Bound, category: str) -> str | None:
    """The first text column of a category."""
    for path, field in bound.collection.leaves():
        if category in field.categories and field.about is None and _is_text(bound, path):
            return _text(path, bound)
    return None


def _is_text(bound: Bound, path: FieldPath) -> bool:
    return len(path) > 1 or bound.table.columns[path[0]].family in {Family.TEXT, Family.OTHER}


def _text(path: FieldPath, bound: Bound) -> str:
    column = names.column(bound.table.columns[path[0]].name)
    return f"({column} #>> {names.json_keys(path)})" if len(path) > 1 else f"{column}::text"
