"""Acts from the first sign to the instant of awareness."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breach_notifier.domain.case import Case, Dismissal
from breach_notifier.domain.decision import Applied, Command, Do, Ignored, Rejected, Verdictless
from breach_notifier.domain.ladder import code_of, has_come, rung_of
from breach_notifier.domain.words import Code, Party
from lethe_law import LawError
from lethe_law.breach.clock import breach_clock
from lethe_law.breach.rules import breach_rule

if TYPE_CHECKING:
    from datetime import datetime

    from breach_notifier.domain import events as e

CLOCK_ALERTS = (Code.UNASSESSED, Code.CLOCK_RUNS, Code.DEADLINE_NEAR, Code.DEADLINE_PASSED)


def new_case(event: e.BreachSuspected | e.ProcessorNotified) -> Case:
    """The case before anything is decided about it."""
    told_by = getattr(event, "processor_id", None)
    return Case(
        id=event.case_id,
        incident_id=event.incident_id,
        controller_id=event.controller_id,
        party=getattr(event, "party", Party.CONTROLLER),
        country=event.country,
        zone=event.zone,
        regime=event.regime,
        source=f"processor:{told_by}" if told_by else getattr(event, "source", ""),
        opened_at=event.at,
        occurred_from=event.occurred_from,
        evidence=tuple(dict.fromkeys(event.evidence)),
    )


def suspect(case: Case, event: e.BreachSuspected) -> Verdictless:
    """No clock runs. A law without breach rules is told at once, not at the hour when its clock is needed."""
    try:
        breach_rule(case.regime, event.at.date())
    except LawError as error:
        return Rejected("unknown_law", str(error))
    return Applied(case, (Command(Do.CALL, "suspected"),))


def add_evidence(case: Case, event: e.EvidenceAdded | e.ProcessorNotified) -> Verdictless:
    fresh = tuple(ref for ref in dict.fromkeys(event.evidence) if ref not in case.evidence)
    if not fresh:
        return Ignored("all of this evidence is there")
    return Applied(replace(case, evidence=case.evidence + fresh))


def propose_dismissal(case: Case, event: e.DismissalProposed) -> Verdictless:
    if not event.reason.strip():
        return Rejected("no_reason", "say why this is no personal data breach")
    dismissal = Dismissal(event.by, event.at, event.reason)
    return Applied(replace(case, dismissal=dismissal), (Command(Do.ASK_CONFIRMATION, "dismissal"),))


def confirm_dismissal(case: Case, event: e.DismissalConfirmed) -> Verdictless:
    if case.dismissal is None:
        return Rejected("nothing_to_confirm", "nobody has proposed to dismiss this case")
    if case.dismissal.by == event.by:
        return Rejected("own_no", "a second person confirms what the first one proposed")
    done = replace(case.dismissal, confirmed_by=event.by)
    return Applied(replace(case, dismissal=done, alerts=without(case.alerts, *CLOCK_ALERTS)))


def triage(case: Case, event: e.TriageDue) -> Verdictless:
    del event
    if Code.UNASSESSED in case.alerts:
        return Ignored("rung already")
    return Applied(
        replace(case, alerts=with_(case.alerts, Code.UNASSESSED)), (Command(Do.CALL, Code.UNASSESSED.value),)
    )


def declare(case: Case, event: e.AwarenessDeclared) -> Verdictless:
    """Starts the clock, or sets it back to an earlier awareness. A later one never moves it."""
    if not event.reason.strip():
        return Rejected("no_reason", "say what makes it reasonably certain that personal data was compromised")
    if case.clock is not None and event.aware_at >= case.clock.aware_at and case.dismissal is None:
        return Ignored("the clock runs from an awareness that is not later")
    return start_clock(case, event.at, event.aware_at, event.by, event.reason)


def processor_notified(case: Case, event: e.ProcessorNotified) -> Verdictless:
    """The controller is aware when the notice arrives (EDPB Guidelines 9/2022 §44), whatever it decided before."""
    if case.party is Party.PROCESSOR:
        return Rejected("not_a_controller", "this case is that of a processor: its sub-processor's notice is evidence")
    told = add_evidence(case, event)
    with_notice = told.case if isinstance(told, Applied) else case
    by = f"processor:{event.processor_id}"
    return start_clock(with_notice, event.at, event.at, by, "the processor's notice arrived (Art. 33(2))")


def start_clock(case: Case, at: datetime, aware_at: datetime, by: str, reason: str) -> Verdictless:
    """The clock of this controller alone; others of the same incident have their own."""
    if aware_at.tzinfo is None:
        return Rejected("impossible_awareness", "an instant needs an offset from UTC")
    if aware_at > at:
        return Rejected("awareness_in_the_future", "nobody is aware of a breach before the instant at which it is said")
    if case.occurred_from is not None and aware_at < case.occurred_from:
        return Rejected("awareness_before_the_breach", "correct when the breach began, or when it became known")
    try:
        clock = breach_clock(aware_at, zone=case.zone, regime=case.regime, country=case.country)
    except (LawError, ValueError, KeyError) as error:
        return Rejected("no_clock", f"{type(error).__name__}: law, zone or country of the case cannot be used")
    started = replace(
        case,
        clock=clock,
        aware_by=by,
        aware_reason=reason,
        dismissal=None,
        alerts=without(case.alerts, Code.UNASSESSED),
    )
    if case.party is Party.PROCESSOR:
        return Applied(started, (Command(Do.CALL, "aware"), Command(Do.TELL_CONTROLLER)))
    return Applied(started, (Command(Do.CALL, "aware"), Command(Do.FIND_AFFECTED)))


def ring(case: Case, event: e.RungDue) -> Verdictless:
    """Each rung once. It decides nothing: a deadline is no reason to skip anything."""
    rung = rung_of(case, event.rung)
    if rung is None:
        return Ignored("the ladder of this clock has no such rung")
    if event.rung in case.rung:
        return Ignored("rung already")
    if not has_come(case, rung, event.at):
        return Ignored("a timer of an earlier clock: the clock was started again since")
    code = code_of(case, event.at)
    alerts = with_(without(case.alerts, *CLOCK_ALERTS), code)
    return Applied(
        replace(case, rung=(*case.rung, event.rung), alerts=alerts), (Command(Do.CALL, f"{rung.calls}:{rung.name}"),)
    )


def recur(case: Case, event: e.BreachRecurred) -> Verdictless:
    """A new clock; what was filed and told before stays on record and counts no more for this occurrence."""
    if not event.reason.strip():
        return Rejected("no_reason", "say what happened again")
    if case.clock is not None and event.aware_at <= case.clock.aware_at:
        return Ignored("the clock runs from an awareness that is not earlier")
    fresh = replace(
        case,
        occurrence=case.occurrence + 1,
        verdict=None,
        past=case.past + case.filings,
        filings=(),
        letters=None,
        relief=None,
        ordered="",
        controller_told="",
        rung=(),
        alerts=(),
        ending=None,
        changed_at=event.at,
    )
    return start_clock(fresh, event.at, event.aware_at, event.by, event.reason)


def with_(alerts: tuple[str, ...], *codes: Code) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*alerts, *(code.value for code in codes))))


def without(alerts: tuple[str, ...], *codes: Code) -> tuple[str, ...]:
    gone = {code.value for code in codes}
    return tuple(alert for alert in alerts if alert not in gone)
