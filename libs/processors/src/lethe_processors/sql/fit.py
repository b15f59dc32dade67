"""Whether a database fits what its dataset says of the rights beside erasure. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import Verb
from lethe_processors.dataset.rights import RestrictBy, SuppressBy
from lethe_processors.sql.advice import Advice
from lethe_processors.sql.faults import Fault
from lethe_processors.sql.restrict import methods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_processors.dataset.rights import Restrict
    from lethe_processors.sql.plan import Bound, Plan


def misfits(plan: Plan, verb: Verb) -> list[Fault]:
    """What would make this verb wrong or impossible, beside what makes looking wrong."""
    if verb in {Verb.RESTRICT, Verb.LIFT}:
        return [f for bound, method in methods(plan) for f in _restrict(plan, bound, method)]
    return []


def _restrict(plan: Plan, bound: Bound, method: Restrict) -> Iterator[Fault]:
    if method.by is RestrictBy.FLAG:
        column = bound.table.columns[method.name]
        if method.otherwise is None and column.not_null:
            yield Fault(
                "column_not_null",
                (bound.name, column.name),
                "`otherwise: null` on a NOT NULL column.",
                "say which value rows have that are not restricted.",
            )
    if method.by not in {RestrictBy.MOVE, RestrictBy.ACCESS}:
        return
    target = plan.catalog.tables.get(method.name)
    if target is None:
        yield Fault(
            "missing_table",
            (method.name,),
            f"restriction of {bound.name} needs it, and there is no such table, or the role may not see it.",
            "create it, or correct the name.",
        )
        return
    wanted = bound.table.columns if method.by is RestrictBy.MOVE else {c.name: c for c in bound.key.columns}
    for name, column in wanted.items():
        there = target.columns.get(name)
        if there is None or there.type != column.type:
            yield Fault(
                "restricted_shape_differs",
                (method.name, name),
                f"restriction of {bound.name} needs this column with type {column.type}.",
                "give both tables the same columns.",
            )
    if method.by is RestrictBy.MOVE:
        for name in sorted(set(target.columns) - set(wanted)):
            yield Fault(
                "restricted_shape_differs",
                (method.name, name),
                f"{bound.name} has no such column: a row could not be moved back.",
                "give both tables the same columns.",
            )


def rights_to_suppress(plan: Plan) -> Iterator[Advice]:
    """What the `write` role lacks."""
    for bound in plan.bound.values():
        for rule in bound.collection.suppress:
            right = "UPDATE" if rule.by is SuppressBy.FLAG else "INSERT"
            can = bound.table.columns[rule.name].can_update if right == "UPDATE" else bound.table.can_insert
            if not can:
                fix = f"GRANT {right} ON {bound.table.quoted} to it."
                yield Advice((bound.name,), f"the `write` role lacks {right}, to suppress.", fix)


def rights_to_restrict(plan: Plan) -> Iterator[Advice]:
    """What the `write` role lacks; only where `misfits` finds nothing."""
    for bound, method in methods(plan):
        tables = {bound.name: bound.table}
        if method.by in {RestrictBy.MOVE, RestrictBy.ACCESS}:
            tables[method.name] = plan.catalog.tables[method.name]
        changing = {bound.name, method.name} if method.by is RestrictBy.MOVE else {method.name}
        for name, table in tables.items():
            missing = []
            if method.by is RestrictBy.FLAG and not table.columns[method.name].can_update:
                missing.append("UPDATE")
            if method.by in {RestrictBy.MOVE, RestrictBy.ACCESS} and name in changing:
                missing += [r for r, can in (("INSERT", table.can_insert), ("DELETE", table.can_delete)) if not can]
            if missing:
                rights = ", ".join(missing)
                yield Advice(
                    (name,),
                    f"the `write` role lacks {rights}, to restrict.",
                    f"GRANT {rights} ON {table.quoted} to it.",
                )
