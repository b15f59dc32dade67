"""Parts that records have in common: instants and dates."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from orchestrator.domain.deadlines import Deadlines

Json = dict[str, Any]


@lru_cache(maxsize=4096)
def instant(at: datetime) -> str:
    """RFC 3339 in UTC with a `Z`: the one form in records and certificates."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def clock_json(clock: Deadlines) -> Json:
    """Dates and how they came about, as recorded."""
    return {
        "due_strict": instant(clock.due_strict),
        "due_legal": instant(clock.due_legal),
        "rule": clock.rule,
        "derivation": clock.derivation,
        "unsure": clock.unsure,
    }


def clock_of(found: Json) -> Deadlines:
    return Deadlines(
        datetime.fromisoformat(found["due_strict"]),
        datetime.fromisoformat(found["due_legal"]),
        found["rule"],
        found["derivation"],
        found["unsure"],
    )
