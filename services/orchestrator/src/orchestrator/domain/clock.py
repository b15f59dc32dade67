"""Deadlines of a DSR and the ladder of alarms. GDPR Art. 12(3); Regulation (EEC, Euratom) 1182/71.

Alarms go by the strict date; whether an answer was late is judged by the legal date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_law import ClockError, first_month
from orchestrator.domain.deadlines import Deadlines
from orchestrator.domain.words import Code

if TYPE_CHECKING:
    from datetime import datetime

    import lethe_events as wire
    from orchestrator.domain.saga import Saga

_FALLBACK = timedelta(days=28)
ALERTS = (Code.DEADLINE_NEAR, Code.DEADLINE_PASSED, Code.DEADLINE_MISSED)
"""Of the ladder; an answer ends them."""


@dataclass(frozen=True, slots=True)
class Rung:
    """`before`: how long before the date it rings. `legal`: of the legal date instead of the strict one."""

    name: str
    before: timedelta
    code: Code | None
    legal: bool = False


LADDER: tuple[Rung, ...] = (
    Rung("seven_days_left", timedelta(days=7), None),
    Rung("three_days_left", timedelta(days=3), Code.DEADLINE_NEAR),
    Rung("strict_date_passed", timedelta(0), Code.DEADLINE_PASSED),
    Rung("legal_date_passed", timedelta(0), Code.DEADLINE_MISSED, legal=True),
)


def deadlines(dsr: wire.DsrReceived) -> Deadlines:
    """The clock of a DSR. Where the law library has no calendar for the country: 28 days, marked unsure."""
    try:
        found = first_month(dsr.received_at, country=dsr.country, regime=dsr.regime)
    except ClockError as error:
        due = dsr.received_at + _FALLBACK
        return Deadlines(due, due, "fallback.28_days", {"because": type(error).__name__}, unsure=True)
    derivation = {
        "rule": found.rule,
        "rule_version": found.rule_version,
        "articles": found.articles,
        "calendar": found.calendar,
        "zone": found.zone,
        "due_date_strict": found.due_date_strict.isoformat(),
        "due_date_legal": found.due_date_legal.isoformat(),
        "steps": list(found.steps),
    }
    return Deadlines(found.due_strict, found.due_legal, found.rule, derivation)


def rung_due(saga: Saga) -> datetime | None:
    """When the next rung rings; None when the ladder is over or the person was answered."""
    if saga.answered_at is not None or saga.alarm >= len(LADDER):
        return None
    rung = LADDER[saga.alarm]
    return (saga.clock.due_legal if rung.legal else saga.clock.due_strict) - rung.before


def late(saga: Saga) -> bool:
    """Whether the answer came after the legal date. Judged when it has come."""
    return saga.answered_at is not None and saga.answered_at > saga.clock.due_legal
