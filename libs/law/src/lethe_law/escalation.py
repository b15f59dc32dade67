"""Who is called when, as policy: rungs of a ladder that each ring once. Pure in (clock, policy, already rung, now)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.errors import ClockError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime


class Caller(StrEnum):
    """Whom a rung calls."""

    OWNER = "owner"  # who works on the case
    PRIVACY_TEAM = "privacy_team"
    ON_CALL = "on_call"


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: exactly one of `share` (of the time from start to due, 0 to 1 and beyond) and `after` (from start)."""

    name: str
    calls: Caller
    share: Decimal | None = None
    after: timedelta | None = None

    def __post_init__(self) -> None:
        if (self.share is None) == (self.after is None):
            raise ClockError(f"the rung {self.name!r} needs a share of the time or a time after the start, not both")
        if (self.share is not None and self.share < 0) or (self.after is not None and self.after < timedelta(0)):
            raise ClockError(f"the rung {self.name!r} would ring before the start")


@dataclass(frozen=True, slots=True)
class Span:
    """A clock as a ladder sees it: both instants in UTC. Raises ClockError if it ends before it starts."""

    start: datetime
    due: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.due.tzinfo is None:
            raise ClockError("an instant needs an offset from UTC")
        if self.due < self.start:
            raise ClockError("a clock that ends before it starts cannot be escalated")


REQUEST_LADDER: tuple[Rung, ...] = (
    Rung("half_used", Caller.OWNER, share=Decimal("0.5")),
    Rung("three_quarters_used", Caller.PRIVACY_TEAM, share=Decimal("0.75")),
    Rung("nine_tenths_used", Caller.ON_CALL, share=Decimal("0.9")),
    Rung("due", Caller.ON_CALL, share=Decimal(1)),
)
"""Default for requests; by the strict date. A controller's own policy takes its place."""

BREACH_LADDER: tuple[Rung, ...] = (
    Rung("triage", Caller.OWNER, after=timedelta(hours=24)),
    Rung("draft", Caller.PRIVACY_TEAM, after=timedelta(hours=48)),
    Rung("sign_off", Caller.PRIVACY_TEAM, after=timedelta(hours=60)),
    Rung("page", Caller.ON_CALL, after=timedelta(hours=70)),
    Rung("due", Caller.ON_CALL, share=Decimal(1)),
)
"""Default for 72 hours: T+24 triage, T+48 draft, T+60 sign-off, T+70 page. Practice, not law."""


def rings_at(rung: Rung, span: Span) -> datetime:
    """The instant of one rung. A share is taken of elapsed time, whatever the zone or the change of clocks."""
    if rung.after is not None:
        return span.start + rung.after
    assert rung.share is not None
    whole = (span.due - span.start) // timedelta(microseconds=1)
    return span.start + timedelta(microseconds=int(whole * rung.share))


def to_ring(span: Span, ladder: Sequence[Rung], rung: Collection[str], now: datetime) -> tuple[Rung, ...]:
    """The rungs whose time has come and that have not rung, in order of time.

    A clock that moved later takes nothing back: what has rung stays rung. After an outage several are due at once.
    """
    due = [r for r in ladder if r.name not in rung and rings_at(r, span) <= now]
    return tuple(sorted(due, key=lambda r: rings_at(r, span)))


def next_ring(span: Span, ladder: Sequence[Rung], rung: Collection[str]) -> datetime | None:
    """When to look again; None when every rung has rung."""
    return min((rings_at(r, span) for r in ladder if r.name not in rung), default=None)
