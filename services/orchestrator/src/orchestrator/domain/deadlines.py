"""The dates of a saga, and how they came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Instants in UTC.

    `derivation` keeps rule, version, calendar, zone and steps as they were used: JSON without floats, for it is signed.
    """

    due_strict: datetime
    due_legal: datetime
    rule: str
    derivation: Mapping[str, object]
    unsure: bool = False
