"""The fields of the EDPB's template for breach notifications, v1.0 (adopted 8 June 2026, final text not known).

Numbers, types and conditions are the template's; names and words of options are short forms of our own.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from lethe_law.breach.errors import UnknownField

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATE = "EDPB breach notification template v1.0"
MULTIPLE = frozenset({55, 60, 65, 70, 75, 79, 81, 83, 85, 94, 100, 104, 125})
"""Fields in which several options may be chosen."""
PER_COUNTRY = frozenset({117, 122})
COUNTRIES = frozenset({115, 116, 118, 121, 123})

Value = str | int | bool | tuple[str, ...] | tuple[tuple[str, int], ...]
"""An option's letter, several letters, text, a number, or numbers per country."""


@dataclass(frozen=True, slots=True)
class Field:
    """`required`: `yes`, `conditional` or `no`, as printed in the template; what counts in a case is `required_in`."""

    number: int
    section: str
    name: str
    type: str
    required: str
    gdpr_ref: str
    options: Mapping[str, str]

    def problem(self, value: Value) -> str | None:
        """Why a value cannot stand in this field; None if it can."""
        if self.number in PER_COUNTRY:
            pairs = isinstance(value, tuple) and all(isinstance(p, tuple) and p[1] >= 0 for p in value)
            return None if pairs else "numbers per country, none below zero"
        if self.options:
            return self._not_an_option(value)
        if self.type == "integer":
            whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
            return None if whole else "a whole number, not below zero"
        if self.type == "boolean":
            return None if isinstance(value, bool) else "true or false"
        return self._not_text(value)

    def _not_an_option(self, value: Value) -> str | None:
        letters = value if isinstance(value, tuple) else (value,)
        if len(letters) > 1 and self.number not in MULTIPLE:
            return "one option only"
        wrong = not letters or any(letter not in self.options for letter in letters)
        return f"options are {', '.join(self.options)}" if wrong else None

    def _not_text(self, value: Value) -> str | None:
        if self.number in COUNTRIES:
            return None if isinstance(value, tuple) and value else "a list of codes"
        return None if isinstance(value, str) and value.strip() else "text"


@cache
def template() -> Mapping[int, Field]:
    """All fields by number, in order."""
    text = (files(__package__) / "data" / "template_v1_0.csv").read_text(encoding="utf-8")
    found = {}
    for row in csv.DictReader(text.splitlines()):
        options = dict(pair.split("=", 1) for pair in row["options"].split())
        found[int(row["field"])] = Field(
            int(row["field"]), row["section"], row["name"], row["type"], row["required"], row["gdpr_ref"], options
        )
    return found


def field(number: int) -> Field:
    """Raises UnknownField."""
    try:
        return template()[number]
    except KeyError:
        raise UnknownField(f"{TEMPLATE} has no field {number}") from None
