"""Finding rows by the values of some columns, for many values at once."""

# ruff: noqa: S608 - names and literals are quoted by `names`, values are parameters
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_processors.sql import names
from lethe_processors.sql.catalog import Column, Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Value = tuple[object, ...]
"""Values of the columns of a key or reference, in their order. Never logged: it may identify a person."""


def read(column: Column, alias: str = "t") -> str:
    """How a column is read so that its values can be compared in Python with those of its family."""
    expression = names.column(column.name, alias)
    # as text, because character(n) arrives padded and unknown types have no Python form
    return f"{expression}::text" if column.family in {Family.TEXT, Family.OTHER} else expression


@dataclass(frozen=True, slots=True)
class Key:
    columns: tuple[Column, ...]

    def reads(self, alias: str = "t") -> str:
        return ", ".join(read(c, alias) for c in self.columns)

    def condition(self, first: int, alias: str = "t") -> str:
        """True for rows whose values are among those of the arrays that begin at parameter `first`."""
        if len(self.columns) == 1:
            column = self.columns[0]
            left = names.column(column.name, alias)
            if column.family is Family.OTHER:
                return f"{left}::text = ANY (${first}::text[])"
            return f"{left} = ANY (${first}::{column.array})"
        left = ", ".join(names.column(c.name, alias) for c in self.columns)
        return f"({left}) IN (SELECT * FROM unnest({self.parameters(first)}))"

    def parameters(self, first: int) -> str:
        return ", ".join(f"${first + i}::{c.array}" for i, c in enumerate(self.columns))

    def joined(self, alias: str = "t", row: str = "r") -> str:
        """Join with `unnest(…) AS r (k0, k1, …)`, whose arrays of this key begin at parameter 1."""
        equal = " AND ".join(f"{names.column(c.name, alias)} = {row}.k{i}" for i, c in enumerate(self.columns))
        # said twice: from the array itself the planner knows how few rows there are, from unnest it does not
        return f"{equal} AND {self.condition(1, alias)}" if len(self.columns) == 1 else equal

    def arrays(self, values: Iterable[Value]) -> list[list[object]]:
        """One array per column, for `condition`."""
        listed = list(values)
        return [[v[i] for v in listed] for i in range(len(self.columns))]


def pick(row: Sequence[object], positions: Sequence[int]) -> Value | None:
    """The values at these positions; None if one of them is NULL (a reference that leads nowhere)."""
    if len(positions) == 1:  # nearly always, and for every row of a batch
        value = row[positions[0]]
        return None if value is None else (value,)
    found = tuple(row[i] for i in positions)
    return None if None in found else found
