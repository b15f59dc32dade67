"""Deadlines of a DSR and the ladder of alarms. GDPR Art. 12(3); Regulation (EEC, Euratom) 1182/71.

Alarms go by the strict date; whether an answer was late is judged by the legal date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lethe_law import ClockError, first_month
from lethe_law.changes import Clocked, change
from lethe_law.history import Event, Kind
from orchestrator.domain.closing import refused_in_part
from orchestrator.domain.deadlines import Deadlines
from orchestrator.domain.words import IN_DOUBT, Code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import lethe_events as wire
    from lethe_law import ClockResult
    from orchestrator.domain.beside import Dates
    from orchestrator.domain.saga import Saga

_FALLBACK = timedelta(days=28)
DEFAULT_REGIME: Final = "gdpr"
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
    return _deadlines(found)


def _deadlines(found: ClockResult) -> Deadlines:
    derivation: dict[str, object] = {
        "rule": found.rule,
        "rule_version": found.rule_version,
        "articles": found.articles,
        "calendar": found.calendar,
        "zone": found.zone,
        "due_date_strict": found.due_date_strict.isoformat(),
        "due_date_legal": found.due_date_legal.isoformat(),
        "steps": list(found.steps),
    }
    if found.regime != DEFAULT_REGIME:
        derivation["regime"] = found.regime
    return Deadlines(found.due_strict, found.due_legal, found.rule, derivation)


def clocked(saga: Saga) -> Clocked:
    """The clock of a saga as the law library sees it, with everything that has changed it."""
    changes = () if saga.beside is None else saga.beside.changes
    history = tuple(
        Event(Kind(c.kind), c.happened_at, ", ".join(c.reasons), c.further)
        for c in sorted(changes, key=lambda c: c.happened_at)
    )
    regime = str(saga.clock.derivation.get("regime", DEFAULT_REGIME))
    return Clocked(saga.received_at, saga.country, regime, history, refused_in_part(saga.tasks))


def extended(
    saga: Saga, further: int, reasons: Sequence[str], notified_at: datetime, *, by: str, now: datetime
) -> Deadlines:
    """The dates after a notice of extension. Raises ClockError, as ChangeRefused where the law does not allow it."""
    notice = Event(Kind.EXTENSION_NOTICE, notified_at, ", ".join(reasons), further)
    return _deadlines(change(clocked(saga), notice, by=by, now=now)[1].after)


def identified(saga: Saga, shown_at: datetime, now: datetime) -> Deadlines | None:
    """The dates after a doubt about who asks was settled; None where the law moves nothing.

    Counted as asked when the request was accepted. Whether that pauses the clock, and for how long, the regime says.
    """
    asked = Event(Kind.ID_REQUESTED, saga.accepted_at, IN_DOUBT)
    try:
        before, _ = change(clocked(saga), asked, by="intake", now=now)
        shown = Event(Kind.ID_RECEIVED, min(max(shown_at, saga.accepted_at), now))
        after = change(before, shown, by="intake", now=now)[1].after
    except ClockError:
        return None
    moved = (after.due_strict, after.due_legal) != (saga.clock.due_strict, saga.clock.due_legal)
    return _deadlines(after) if moved else None


def dates(saga: Saga) -> Dates | Deadlines:
    """The dates that count: of an extended clock the first ones again where a part is refused (Art. 12(4))."""
    beside = saga.beside
    if beside is None or beside.first is None:
        return saga.clock
    against = beside.decision is not None and not beside.decision.upheld
    refused = against or beside.refusal is not None or bool(beside.reopened) or refused_in_part(saga.tasks)
    return beside.first if refused else saga.clock


def rings_at(saga: Saga, index: int) -> datetime:
    """When a rung of the ladder rings."""
    rung = LADDER[index]
    counted = saga.clock if saga.beside is None else dates(saga)
    return (counted.due_legal if rung.legal else counted.due_strict) - rung.before


def rung_due(saga: Saga) -> datetime | None:
    """When the next rung rings; None when the ladder is over or the person was answered."""
    if saga.answered_at is not None or saga.alarm >= len(LADDER):
        return None
    return rings_at(saga, saga.alarm)


def late(saga: Saga) -> bool:
    """Whether the answer came after the legal date. Judged when it has come."""
    return saga.answered_at is not None and saga.answered_at > dates(saga).due_legal
