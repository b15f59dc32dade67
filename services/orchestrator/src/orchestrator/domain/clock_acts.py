"""What changes the clock of a request. Its dates come with the event; here is what must hold whoever found them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_law.history import Kind
from orchestrator.domain.beside import Beside, ClockChange, Dates, Identified
from orchestrator.domain.clock import ALERTS, LADDER
from orchestrator.domain.closing import refused_in_part
from orchestrator.domain.decision import Rejected, Verdictless
from orchestrator.domain.words import IN_DOUBT, Code

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.domain.deadlines import Deadlines
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.events import Extended, IdentityVerified
    from orchestrator.domain.saga import Saga


def extend(draft: Draft, event: Extended) -> Verdictless:
    """Art. 12(3): once, with reasons, told within the first period; never of what is refused (Art. 12(4))."""
    saga = draft.saga
    refused = may_extend(saga, event)
    if refused is not None:
        return refused
    beside, clock = saga.beside or Beside(), event.clock
    change = ClockChange(
        kind=Kind.EXTENSION_NOTICE.value,
        happened_at=event.notified_at,
        reasons=event.reasons,
        recorded_at=event.at,
        by=event.by,
        rule=clock.rule,
        rule_version=str(clock.derivation.get("rule_version", "")),
        due_strict=clock.due_strict,
        due_legal=clock.due_legal,
        further=event.further,
    )
    first = Dates(saga.clock.due_strict, saga.clock.due_legal)
    draft.fields |= {"clock": clock, "beside": replace(beside, changes=(*beside.changes, change), first=first)}
    draft.fields["alarm"] = 0
    draft.resolve_alerts(*ALERTS)
    draft.tell = True
    return None


def identify(draft: Draft, event: IdentityVerified) -> Verdictless:
    """Art. 12(6): the doubt is settled. Alarms went on by the strict date; the legal one moves as the regime says."""
    saga = draft.saga
    if event.controller_id != saga.controller_id:
        return Rejected("wrong_controller", "the message names another controller than the saga's")
    beside = replace(saga.beside or Beside(), identified=Identified(event.method, event.shown_at))
    clock = event.clock
    draft.tell = True
    if clock is not None:
        shown_at = min(max(event.shown_at, saga.accepted_at), event.at)
        changes = (
            _question(Kind.ID_REQUESTED, saga.accepted_at, event, clock),
            _question(Kind.ID_RECEIVED, shown_at, event, clock),
        )
        beside = replace(beside, changes=(*beside.changes, *changes))
        draft.fields["clock"] = clock
        if saga.alarm == len(LADDER) and clock.due_legal > event.at:
            draft.fields["alarm"] = len(LADDER) - 1
            draft.resolve_alerts(Code.DEADLINE_MISSED)
    draft.fields["beside"] = beside
    return None


def _question(kind: Kind, happened_at: datetime, event: IdentityVerified, clock: Deadlines) -> ClockChange:
    return ClockChange(
        kind=kind.value,
        happened_at=happened_at,
        reasons=(IN_DOUBT,),
        recorded_at=event.at,
        by=None,
        rule=clock.rule,
        rule_version=str(clock.derivation.get("rule_version", "")),
        due_strict=clock.due_strict,
        due_legal=clock.due_legal,
    )


def may_extend(saga: Saga, event: Extended) -> Rejected | None:
    """Why this extends nothing; None if it does."""
    if saga.answered_at is not None:
        return Rejected("answered", "the person was answered: there is no period left to extend")
    if saga.beside is not None and saga.beside.first is not None:
        return Rejected("extended_already", "there is one extension; its end stands")
    if refused_in_part(saga.tasks):
        return Rejected("refusal_never_extended", "a refusal, whole or partial, is due in the first period (12(4))")
    if not saga.received_at <= event.notified_at <= event.at:
        return Rejected("implausible_date", "the notice went out after the request came in and before now")
    return _invalid(saga, event)


def _invalid(saga: Saga, event: Extended) -> Rejected | None:
    if not event.reasons or not all(r.strip() for r in event.reasons):
        return Rejected("no_reasons", "the notice gives the reasons for the delay (Art. 12(3))")
    if event.notified_at >= saga.clock.due_legal:
        return Rejected("too_late", "the notice has to go out within the first period: answer now")
    moved = event.clock.due_legal > saga.clock.due_legal and event.clock.due_strict >= saga.clock.due_strict
    if not moved or event.clock.due_strict > event.clock.due_legal:
        return Rejected("no_extension", "the dates of an extension lie after the first ones, the strict one first")
    return None
