"""What falls due for a case: the triage of a suspicion, the rungs of a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breach_notifier.domain.events import RungDue, TriageDue
from breach_notifier.domain.ladder import CLOCKED, TRIAGE_WITHIN
from breach_notifier.domain.words import Code, State
from lethe_law.escalation import BREACH_LADDER, to_ring

if TYPE_CHECKING:
    from datetime import datetime

    from breach_notifier.domain.case import Case


def due_events(case: Case, now: datetime) -> tuple[TriageDue | RungDue, ...]:
    """In order of time; after an outage several rungs ring at once, each by its own event."""
    if case.state is State.SUSPECTED:
        waits = Code.UNASSESSED in case.alerts or now < case.opened_at + TRIAGE_WITHIN
        return () if waits else (TriageDue(now),)
    if case.state not in CLOCKED or case.clock is None or case.clock.span is None:
        return ()
    return tuple(RungDue(now, rung.name) for rung in to_ring(case.clock.span, BREACH_LADDER, case.rung, now))
