"""Comparing stored values with identifiers, which arrive normalised (`lethe_events.subject_token.normalise`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lethe_processors.dataset.model import Match
from lethe_processors.sql import names
from lethe_processors.sql.catalog import Family

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lethe_processors.dataset import Carrier
    from lethe_processors.sql.catalog import Table

_INTEGER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True, slots=True)
class Matcher:
    """`expression` over the row `t` equals a converted identifier exactly when the row holds it."""

    carrier: Carrier
    expression: str
    array: str
    family: Family

    def convert(self, values: Iterable[str]) -> list[object]:
        """Identifiers as the column could hold them; those that it could not hold are left out."""
        if self.family is Family.INTEGER:
            return [int(v) for v in values if _INTEGER.fullmatch(v)]
        if self.family is Family.UUID:
            return [UUID(v) for v in values if _is_uuid(v)]
        if self.carrier.match is Match.PHONE:
            digits = [v.removeprefix("+") for v in values]
            return [*digits, *(f"00{d}" for d in digits)]
        return list(values)


def matcher(carrier: Carrier, table: Table, alias: str = "t") -> Matcher | None:
    """For a single value. None where the column's type cannot hold an identifier, or holds several."""
    column = table.columns[carrier.path[0]]
    value = names.column(column.name, alias)
    if len(carrier.path) > 1:
        return matching(carrier, f"({value} #>> {names.json_keys(carrier.path)})")
    if column.family in {Family.INTEGER, Family.UUID}:
        return Matcher(carrier, value, column.array, column.family)
    return matching(carrier, value) if column.family is Family.TEXT else None


def matching(carrier: Carrier, text: str) -> Matcher:
    """For a text expression."""
    if carrier.match is Match.CASEFOLD:
        return Matcher(carrier, f"lower({text})", "text[]", Family.TEXT)
    if carrier.match is Match.PHONE:
        # written as an index on it is; the leading 00 that means a plus is in the values looked for
        return Matcher(carrier, f"regexp_replace({text}, '[^0-9]', '', 'g')", "text[]", Family.TEXT)
    return Matcher(carrier, text, "text[]", Family.TEXT)


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
