"""Who is called when, by the controller's policy: rungs at shares of the time used, each once. GDPR Art. 12(3), 24.

A policy has the date from which it is in effect; a request goes by the one of the day on which it was received.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_law.escalation import Rung, Span, next_ring, rings_at, to_ring
from orchestrator.domain.beside import Beside, Rang
from orchestrator.domain.clock import dates
from orchestrator.domain.decision import Ignored, Verdictless
from orchestrator.domain.escalation_event import Escalated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from orchestrator.domain.draft import Draft
    from orchestrator.domain.saga import Saga


@dataclass(frozen=True, slots=True)
class Ladder:
    """`version`: how the policy is named in the record. Rungs in the order in which they ring."""

    version: str
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Ladders:
    """By controller, the newest first; `others`: of every controller that has none of its own."""

    own: Mapping[str, tuple[tuple[date, Ladder], ...]] = field(default_factory=dict)
    others: tuple[tuple[date, Ladder], ...] = ()

    def of(self, saga: Saga) -> Ladder | None:
        if not (self.own or self.others):
            return None
        day = saga.received_at.astimezone(UTC).date()
        known = self.own.get(saga.controller_id, self.others)
        return next((ladder for since, ladder in known if since <= day), None)


NO_LADDERS = Ladders()


def next_call(saga: Saga, ladder: Ladder | None) -> datetime | None:
    """When somebody is called next; None when all were, or the person was answered."""
    if ladder is None or saga.answered_at is not None:
        return None
    return next_ring(_span(saga), ladder.rungs, _rang(saga))


def calls_due(saga: Saga, ladder: Ladder | None, now: datetime) -> list[Escalated]:
    """After an outage several are due at once; each rings with the moment it was set for."""
    if ladder is None or saga.answered_at is not None:
        return []
    span = _span(saga)
    return [
        Escalated(now, rung.name, rung.calls.value, ladder.version, rings_at(rung, span))
        for rung in to_ring(span, ladder.rungs, _rang(saga), now)
    ]


def escalate(draft: Draft, event: Escalated) -> Verdictless:
    """Once each, whatever moves the clock afterwards. It changes no task: being called is all that happens."""
    if draft.saga.answered_at is not None:
        return Ignored("the person was answered: nobody has to be called")
    if event.rung in _rang(draft.saga):
        return Ignored("this rung has rung")
    beside = draft.saga.beside or Beside()
    rang = (*beside.rang, Rang(event.rung, event.calls, event.policy, event.at))
    draft.fields["beside"] = replace(beside, rang=rang)
    return None


def _span(saga: Saga) -> Span:
    counted = dates(saga)
    return Span(saga.received_at, max(counted.due_strict, saga.received_at))


def _rang(saga: Saga) -> frozenset[str]:
    return frozenset() if saga.beside is None else frozenset(r.rung for r in saga.beside.rang)
