"""The statements that change rows. All take whole batches and return the keys of the rows they changed."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lethe_processors.dataset.model import FieldMethod
from lethe_processors.sql import names
from lethe_processors.sql.json_sql import transformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_processors.dataset import Edge
    from lethe_processors.dataset.model import Field, FieldPath
    from lethe_processors.sql.plan import Bound, Plan


def delete(bound: Bound) -> str:
    """Parameters: the key's arrays."""
    return f"DELETE FROM {bound.table.quoted} t WHERE {bound.key.condition(1)} RETURNING {bound.key.reads()}"


def delete_if_nobodys(plan: Plan, bound: Bound) -> str:
    """Delete those rows to which no described row refers any more. Parameters: the key's arrays."""
    tests = [
        (plan.bound[e.holder].table.quoted, e.fields, e.target_fields)
        for e in plan.graph.holders(bound.name)
        if e.holder in plan.bound and e.holder != bound.name
    ]
    tests += [
        (k.source_table, k.source_columns, k.target_columns)
        for k in plan.unknown
        if k.target == bound.name and k.readable
    ]
    nobody = "".join(
        f" AND NOT EXISTS (SELECT FROM {table} h WHERE {_equal(fields, theirs)})" for table, fields, theirs in tests
    )
    return f"DELETE FROM {bound.table.quoted} t WHERE {bound.key.condition(1)}{nobody} RETURNING {bound.key.reads()}"


def _equal(fields: Sequence[str], theirs: Sequence[str]) -> str:
    return " AND ".join(f"{names.column(f, 'h')} = {names.column(t, 't')}" for f, t in zip(fields, theirs, strict=True))


def null_columns(bound: Bound, columns: Sequence[str]) -> str:
    """Parameters: the key's arrays."""
    changes = ", ".join(f"{names.ident(c)} = NULL" for c in columns)
    return f"UPDATE {bound.table.quoted} t SET {changes} WHERE {bound.key.condition(1)}"


def empty_fields(bound: Bound, fields: Sequence[tuple[FieldPath, Field]]) -> str | None:
    """Empty these columns, and these keys inside JSON columns, where they are not empty yet. None: nothing to do."""
    changes = _changes(bound, fields)
    if not changes:
        return None
    sets = ", ".join(f"{names.ident(c)} = {new}" for c, new in changes.items())
    differs = " OR ".join(f"{compared(bound, c)} IS DISTINCT FROM {new}" for c, new in changes.items())
    return (
        f"UPDATE {bound.table.quoted} t SET {sets} WHERE {bound.key.condition(1)} AND ({differs}) "
        f"RETURNING {bound.key.reads()}"
    )


def cut_mention(bound: Bound, edge: Edge) -> str:
    """Null a reference wherever it has one of the values (parameters: the arrays of `edge.fields`).

    Returns the value that was there, then the row's key.
    """
    about = [(p, f) for p, f in bound.collection.leaves() if f.about in edge.fields]
    links = [((c,), next(f for f in bound.collection.fields if f.name == c)) for c in edge.fields]
    sets = ", ".join(f"{names.ident(c)} = {new}" for c, new in _changes(bound, [*links, *about]).items())
    key = bound.of(edge.fields)
    alias = ", ".join(f"k{i}" for i in range(len(edge.fields)))
    back = ", ".join(f"r.k{i}" for i in range(len(edge.fields)))
    return (
        f"UPDATE {bound.table.quoted} t SET {sets} FROM unnest({key.parameters(1)}) AS r ({alias}) "
        f"WHERE {key.joined()} RETURNING {back}, {bound.key.reads()}"
    )


def _changes(bound: Bound, fields: Sequence[tuple[FieldPath, Field]]) -> dict[str, str]:
    """Column → the expression that empties it."""
    inside: dict[str, list[FieldPath]] = {}
    changes: dict[str, str] = {}
    for path, _ in fields:
        if len(path) == 1:
            changes[path[0]] = "NULL"
        else:
            inside.setdefault(path[0], []).append(path)
    for column, paths in inside.items():
        described = bound.collection.field(column)
        if described is not None and column not in changes:
            changes[column] = json_without(bound, column, only(described, paths).nested)
    return changes


def json_without(bound: Bound, column: str, fields: Sequence[Field]) -> str:
    type_ = bound.table.columns[column].type
    return f"({transformed(f't.{names.ident(column)}::jsonb', fields)})::{type_}"


def compared(bound: Bound, column: str) -> str:
    """The column in a form that has an equality (json has none)."""
    return f"{names.column(column)}::jsonb" if bound.table.columns[column].type == "json" else names.column(column)


def only(field: Field, paths: Sequence[FieldPath]) -> Field:
    """The described JSON column with exactly these keys to be deleted."""

    def treated(at: Field, path: FieldPath) -> Field:
        nested = tuple(treated(n, (*path, n.name)) for n in at.nested)
        chosen = any(p == path for p in paths)
        return replace(at, nested=nested, method=FieldMethod.DELETE if chosen else None)

    return treated(field, (field.name,))
