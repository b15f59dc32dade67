"""The rungs of a case: T+24 triage, T+48 draft, T+60 sign-off, T+70 page, and the end. A policy may replace them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from breach_notifier.domain.words import Code, State
from lethe_law.escalation import BREACH_LADDER, next_ring, rings_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from breach_notifier.domain.case import Case
    from lethe_law.escalation import Rung

TRIAGE_WITHIN: Final = timedelta(hours=24)
"""How long a suspicion may wait for a decision; an internal ceiling, not law (EDPB Guidelines 9/2022 §33, 34)."""
NEAR: Final = timedelta(hours=12)
"""From so long before the end, a rung says that the deadline is near."""
CLOCKED: Final = frozenset({State.AWARE, State.ASSESSED})
"""States in which the clock of the authority runs; in all others it has stopped or not started."""


def rung_of(case: Case, name: str, ladder: Sequence[Rung] = BREACH_LADDER) -> Rung | None:
    """The rung of that name, if its case has a clock with an end."""
    if case.clock is None or case.clock.span is None:
        return None
    return next((rung for rung in ladder if rung.name == name), None)


def code_of(case: Case, at: datetime) -> Code:
    """What a rung that rings at `at` says."""
    assert case.clock is not None
    assert case.clock.due is not None
    if at >= case.clock.due:
        return Code.DEADLINE_PASSED
    return Code.DEADLINE_NEAR if at >= case.clock.due - NEAR else Code.CLOCK_RUNS


def has_come(case: Case, rung: Rung, at: datetime) -> bool:
    assert case.clock is not None
    span = case.clock.span
    return span is not None and rings_at(rung, span) <= at


def next_timer(case: Case, ladder: Sequence[Rung] = BREACH_LADDER) -> datetime | None:
    """When to look at the case again; None when no timer runs. Survives restarts: it follows from the case alone."""
    if case.state is State.SUSPECTED:
        return None if Code.UNASSESSED in case.alerts else case.opened_at + TRIAGE_WITHIN
    if case.state not in CLOCKED or case.clock is None or case.clock.span is None:
        return None
    return next_ring(case.clock.span, ladder, case.rung)
