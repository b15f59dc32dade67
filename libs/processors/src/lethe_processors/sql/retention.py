"""Retention rules as SQL over the row `t`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.dataset.model import Comparison
from lethe_processors.sql import names
from lethe_processors.sql.catalog import Family

if TYPE_CHECKING:
    from lethe_processors.dataset.model import Condition, Retain
    from lethe_processors.sql.catalog import Column, Table

_OPERATORS = {
    Comparison.EQUALS: "=",
    Comparison.NOT_EQUALS: "<>",
    Comparison.GREATER_THAN: ">",
    Comparison.LESS_THAN: "<",
}


def retained(retain: Retain | None, table: Table, alias: str = "t") -> str:
    """True while the rule keeps the row. What is unknown (NULL) keeps it: an erasure cannot be undone."""
    if retain is None or retain.like is not None:
        return "FALSE"
    tests = [f"coalesce({_test(c, table.columns[c.field], alias)}, TRUE)" for c in retain.when]
    tests += [f"coalesce({ends(retain, table, alias)} > now(), TRUE)"]
    return "(" + " AND ".join(tests) + ")"


def ends(retain: Retain | None, table: Table, alias: str = "t") -> str:
    """The moment at which the rule ends, as timestamptz; NULL while only the end of its ground is known.

    A date counts to its last moment, in UTC.
    """
    if retain is not None and retain.until is not None:
        return names.literal(retain.until.isoformat()) + "::timestamptz"
    if retain is None or retain.until_field is None:
        return "NULL::timestamptz"
    column = table.columns[retain.until_field]
    moment = names.column(column.name, alias)
    if retain.period is not None:
        moment = f"({moment} + {names.literal(retain.period)}::interval)"
    if column.family is Family.DATE:
        moment = f"({moment} + interval '1 day' - interval '1 microsecond')"
    return f"({moment})::timestamptz"


def _test(condition: Condition, column: Column, alias: str) -> str:
    left = names.column(column.name, alias)
    if condition.test is Comparison.IS_NULL:
        return f"({left} IS NULL) = {names.literal(condition.values[0])}::boolean"
    values = [f"{names.literal(v)}::{column.type}" for v in condition.values]
    if condition.test is Comparison.IN:
        return f"{left} IN ({', '.join(values)})"
    if condition.test is Comparison.NOT_IN:
        return f"{left} NOT IN ({', '.join(values)})"
    return f"{left} {_OPERATORS[condition.test]} {values[0]}"
