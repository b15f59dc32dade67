"""Acts on cases that are about one incident, or about incidents that have to do with each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breach_notifier.domain.decision import Applied, Ignored, Rejected, Verdictless
from breach_notifier.domain.opening import start_clock, with_
from breach_notifier.domain.words import Code

if TYPE_CHECKING:
    from datetime import datetime

    from breach_notifier.domain import events as e
    from breach_notifier.domain.case import Case

_WHY = Rejected("no_reason", "say why these cases belong together")
_TOLD = Rejected(
    "told_already",
    "something was filed or told in this case: merge the other one into it; or relate them, and each is carried on",
)


def merge(case: Case, event: e.CaseMerged) -> Verdictless:
    """This case goes on in another one. What was told under its name would be lost to its phases, so nothing may be."""
    if not event.reason.strip():
        return _WHY
    if case.filings or case.past or case.letters is not None or case.controller_told or case.ordered:
        return _TOLD
    return Applied(replace(case, merged_into=event.into, dismissal=None, alerts=()))


def join(case: Case, event: e.CaseJoined) -> Verdictless:
    """Another case goes on in this one, with its evidence and its clock: the earliest awareness governs."""
    if not event.reason.strip():
        return _WHY
    if event.other in case.joined:
        return Ignored("that case goes on in this one already")
    fresh = tuple(ref for ref in dict.fromkeys(event.evidence) if ref not in case.evidence)
    joined = replace(
        case,
        joined=(*case.joined, event.other),
        evidence=case.evidence + fresh,
        occurred_from=_earliest(case.occurred_from, event.occurred_from),
        dismissal=None,
    )
    if joined.filings:
        joined = replace(joined, changed_at=event.at, alerts=with_(joined.alerts, Code.FOLLOW_UP_OWED))
    if event.aware_at is None or (case.clock is not None and case.clock.aware_at <= event.aware_at):
        return Applied(joined)
    return start_clock(joined, event.at, event.aware_at, event.aware_by, event.aware_reason)


def relate(case: Case, event: e.CaseRelated) -> Verdictless:
    """Each keeps its clock and its duties; who reads one finds the other."""
    if not event.reason.strip():
        return _WHY
    if event.other in case.related:
        return Ignored("these cases are related already")
    return Applied(replace(case, related=(*case.related, event.other)))


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    known = [at for at in (one, other) if at is not None]
    return min(known, default=None)
