"""Which rows may stay, as SQL over one row: the rules of `decide` told another way, so that each checks the other."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.dataset.model import CollectionMethod, FieldMethod
from lethe_processors.sql import names, retention
from lethe_processors.sql.walk import like_edge

if TYPE_CHECKING:
    from datetime import datetime

    from lethe_processors.dataset import Edge
    from lethe_processors.dataset.model import Field, FieldPath
    from lethe_processors.sql.plan import Bound, Plan

_TREATED = frozenset({FieldMethod.NULL, FieldMethod.DELETE, FieldMethod.PSEUDONYMISE})


def kept_by_law(plan: Plan, bound: Bound, alias: str = "t", depth: int = 0) -> str:
    """True while the retention rule of the row, or of the row that it follows, holds."""
    retain = bound.collection.retain
    edge = like_edge(plan, bound)
    if retain is None or retain.like is None or edge is None or depth > len(plan.bound):
        return retention.retained(retain, bound.table, alias)
    other = f"l{depth}"
    target = plan.bound[edge.target]
    return (
        f"EXISTS (SELECT FROM {target.table.quoted} {other} WHERE {equal(edge, alias, other)} "
        f"AND {kept_by_law(plan, target, other, depth + 1)})"
    )


def ends(plan: Plan, bound: Bound, alias: str = "t", depth: int = 0) -> str:
    retain = bound.collection.retain
    edge = like_edge(plan, bound)
    if retain is None or retain.like is None or edge is None or depth > len(plan.bound):
        return retention.ends(retain, bound.table, alias)
    other = f"u{depth}"
    target = plan.bound[edge.target]
    return (
        f"(SELECT {ends(plan, target, other, depth + 1)} FROM {target.table.quoted} {other} "
        f"WHERE {equal(edge, alias, other)} LIMIT 1)"
    )


def may_stay(plan: Plan, bound: Bound, alias: str = "t", above: tuple[str, ...] = ()) -> str:
    """True for rows that erasure does not delete: by design, by law, or because such a row refers to them."""
    if bound.method is not CollectionMethod.DELETE:
        return "TRUE"
    reasons = [kept_by_law(plan, bound, alias)]
    for edge in plan.graph.holders(bound.name):
        holder = plan.bound.get(edge.holder)
        if holder is None or not edge.owner or edge.holder in {bound.name, *above} or not _can_hold(plan, holder):
            continue
        other = f"h{len(above)}"
        reasons.append(
            f"EXISTS (SELECT FROM {holder.table.quoted} {other} WHERE {equal(edge, other, alias)} "
            f"AND {may_stay(plan, holder, other, (*above, bound.name))})"
        )
    return "(" + " OR ".join(reasons) + ")"


def _can_hold(plan: Plan, holder: Bound) -> bool:
    """Rows that stay by design let go of what they refer to; only those kept by law, or for such, hold on to it."""
    if holder.method is not CollectionMethod.DELETE:
        return False
    return holder.collection.retain is not None or holder.name in plan.graph.anchors


def equal(edge: Edge, holder: str, target: str) -> str:
    return " AND ".join(
        f"{names.column(f, holder)} = {names.column(t, target)}"
        for f, t in zip(edge.fields, edge.target_fields, strict=True)
    )


def is_treated(bound: Bound, path: FieldPath, field: Field, now: datetime) -> bool:
    """Whether erasure changes this field in a row that stays."""
    column = bound.collection.field(path[0])
    for at in (field, column):
        if at is not None and at.retain is not None and (at.retain.until is None or at.retain.until > now):
            return False
    return field.method in _TREATED or (column is not None and column.method in _TREATED)


def untreated(bound: Bound, now: datetime) -> str:
    """True for a row that still holds a value which should have been emptied (pseudonyms are not told here)."""
    tests = []
    for path, field in bound.collection.leaves():
        if not is_treated(bound, path, field, now):
            continue
        column = bound.collection.field(path[0])
        method = column.method if column is not None and column.method in _TREATED else field.method
        value = names.column(path[0])
        if method is FieldMethod.PSEUDONYMISE:
            continue
        if len(path) == 1 or (column is not None and column.method is FieldMethod.NULL):
            tests.append(f"{value} IS NOT NULL")
        elif method is FieldMethod.DELETE:
            tests.append(f"coalesce(jsonb_path_exists({value}::jsonb, {names.json_path(path)}), FALSE)")
        else:
            path_ = names.json_path(path).removesuffix("'::jsonpath") + " ? (@ != null)'::jsonpath"
            tests.append(f"coalesce(jsonb_path_exists({value}::jsonb, {path_}), FALSE)")
    return "(" + (" OR ".join(tests) or "FALSE") + ")"
