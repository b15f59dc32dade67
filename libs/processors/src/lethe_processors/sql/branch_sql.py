"""The statements on branches: they take the values of the root, each with its person, and give persons, not rows."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.sql import names
from lethe_processors.sql.stays import equal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lethe_processors.sql.keys import Key, Value
    from lethe_processors.sql.plan import Bound, Branch, Plan


def arguments(branch: Branch, people: Mapping[Value, Iterable[int]]) -> list[list[object]]:
    """The parameters of every statement here: the root's values column by column, and whose each is."""
    pairs = [(value, person) for value, owners in people.items() for person in owners]
    return [*([v[i] for v, _ in pairs] for i in range(len(branch.root.fields))), [p for _, p in pairs]]


def remove(plan: Plan, branch: Branch) -> str:
    """Delete the rows; gives person, number of rows, digest of their keys."""
    sources, condition, values = _up(plan, branch)
    using = f" USING {', '.join(sources)}" if sources else ""
    returned = ", ".join(f"{v} AS k{i}" for i, v in enumerate(values))
    gone = (
        f"DELETE FROM {branch.bound.table.quoted} t{using} WHERE {condition} "
        f"RETURNING {returned}, {key_text(branch.bound)} AS key"
    )
    return f"WITH gone AS ({gone}) {_by_person(plan, branch, 'gone')}"


def lock(plan: Plan, branch: Branch) -> str:
    """Lock the rows, so that nobody hangs anything on them while what already hangs there is removed.

    Parameters: without whose each value is.
    """
    sources, condition, _ = _up(plan, branch)
    tables = ", ".join([f"{branch.bound.table.quoted} t", *sources])
    return f"SELECT count(*) FROM (SELECT FROM {tables} WHERE {condition} FOR UPDATE OF t) AS locked"


def count(plan: Plan, branch: Branch) -> str:
    """Give person, number of rows, digest of their keys, without changing anything."""
    sources, condition, values = _up(plan, branch)
    tables = ", ".join([f"{branch.bound.table.quoted} t", *sources])
    returned = ", ".join(f"{v} AS k{i}" for i, v in enumerate(values))
    there = f"SELECT {returned}, {key_text(branch.bound)} AS key FROM {tables} WHERE {condition}"
    return f"WITH there AS ({there}) {_by_person(plan, branch, 'there')}"


def rows(plan: Plan, branch: Branch, reads: str) -> str:
    """Give person, then `reads` of each row; by person, then by key."""
    sources, condition, values = _up(plan, branch)
    same = " AND ".join(f"{v} = r.k{i}" for i, v in enumerate(values))
    tables = ", ".join([f"{branch.bound.table.quoted} t", *sources])
    return (
        f"SELECT r.person, {reads} FROM {tables}, {_people(plan, branch)} "
        f"WHERE {condition} AND {same} ORDER BY r.person, {branch.bound.key.reads()}"
    )


def key_text(bound: Bound, alias: str = "t") -> str:
    """A row's key as `tally.text_of` writes it."""
    texts = [f"{names.column(c.name, alias)}::text" for c in bound.key.columns]
    return texts[0] if len(texts) == 1 else f"concat_ws(E'\\x1f', {', '.join(texts)})"


def _up(plan: Plan, branch: Branch) -> tuple[list[str], str, list[str]]:
    """The tables between the collection and the root, the condition that ties them, and what refers to the root."""
    sources, ties, alias = [], [], "t"
    for i, edge in enumerate(branch.path[:-1]):
        sources.append(f"{plan.bound[edge.target].table.quoted} p{i}")
        ties.append(equal(edge, alias, f"p{i}"))
        alias = f"p{i}"
    ties.append(_root(plan, branch).condition(1, alias))
    return sources, " AND ".join(ties), [names.column(f, alias) for f in branch.root.fields]


def _root(plan: Plan, branch: Branch) -> Key:
    return plan.bound[branch.root.holder].of(branch.root.fields)


def _people(plan: Plan, branch: Branch) -> str:
    root = _root(plan, branch)
    aliases = ", ".join([*(f"k{i}" for i in range(len(root.columns))), "person"])
    return f"unnest({root.parameters(1)}, ${len(root.columns) + 1}::integer[]) AS r ({aliases})"


def _by_person(plan: Plan, branch: Branch, table: str) -> str:
    same = " AND ".join(f"x.k{i} = r.k{i}" for i in range(len(branch.root.fields)))
    listed = "string_agg(x.key, E'\\n' ORDER BY x.key COLLATE \"C\")"
    return (
        f"SELECT r.person, count(*), encode(sha256(convert_to({listed}, 'UTF8')), 'hex') "
        f"FROM {table} x JOIN {_people(plan, branch)} ON {same} GROUP BY r.person"
    )
