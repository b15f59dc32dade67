"""Acts on facts and answers: what is known, what the engine proposes, what people decide."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breach_notifier.domain.case import Case, Counted, Ending, Relief, Verdict
from breach_notifier.domain.decision import Applied, Command, Do, Ignored, Rejected, Verdictless
from breach_notifier.domain.opening import with_, without
from breach_notifier.domain.words import Code, Party
from lethe_law.breach.assess import propose
from lethe_law.breach.exemptions import Exemption, NotProven, check_exemption
from lethe_law.breach.rules import breach_rule

if TYPE_CHECKING:
    from datetime import datetime

    from breach_notifier.domain import events as e
    from lethe_law.breach.assess import Proposal
    from lethe_law.breach.facts import BreachFacts

_NOT_OURS = Rejected("not_a_controller", "a processor decides nothing here: it tells its controller (Art. 33(2))")


def state_facts(case: Case, event: e.FactsStated) -> Verdictless:
    """Facts replace the ones before; the chain keeps both. Other answers than decided on open the decision again."""
    if (case.facts, case.severity, case.scored) == (event.facts, event.severity, event.scored):
        return Ignored("these facts are stated already")
    stated = replace(case, facts=event.facts, facts_by=event.by, severity=event.severity, scored=event.scored)
    return Applied(_weighed(stated, event.facts, event.at, other=case.facts != event.facts))


def count(case: Case, event: e.AffectedCounted) -> Verdictless:
    """The number of people as the index tells it; the worst that is possible counts as a fact."""
    if event.lower < 0 or (event.upper is not None and event.upper < event.lower):
        return Rejected("impossible_bounds", "a lower bound from 0, and an upper one that is not below it")
    before = case.counted
    if before is not None and before.digest == event.digest and before.upper == event.upper:
        return Ignored("the same people as before")
    counted = replace(case, counted=Counted(event.lower, event.upper, event.digest, event.at))
    if before is not None and case.letters is not None:
        # who got a letter is known where letters are sent: nobody gets a second one, those who came in get theirs
        counted = replace(counted, letters=None)
    if case.facts is None:
        return Applied(counted)
    facts = replace(case.facts, subjects=event.upper)
    return Applied(_weighed(replace(counted, facts=facts), facts, event.at, other=True))


def _weighed(case: Case, facts: BreachFacts, at: datetime, *, other: bool) -> Case:
    if case.party is Party.PROCESSOR:
        return replace(case, ending=None)
    day = at if case.clock is None else case.clock.aware_at
    proposal = propose(facts, breach_rule(case.regime, day.date()))
    weighed = replace(case, proposal=proposal, ending=None)
    if not other:
        return weighed
    weighed = replace(weighed, changed_at=at)
    if weighed.filings:
        weighed = replace(weighed, alerts=with_(weighed.alerts, Code.FOLLOW_UP_OWED))
    if case.verdict is not None and _answers(case.verdict.proposal) != _answers(proposal):
        weighed = replace(weighed, verdict=None, relief=None, alerts=with_(weighed.alerts, Code.FACTS_CHANGED))
    return weighed


def _answers(proposal: Proposal) -> tuple[str, str]:
    return proposal.notify_authority, proposal.notify_subjects


def decide_answers(case: Case, event: e.DecisionTaken) -> Verdictless:
    """A person answers; the proposal and what decided it are kept beside the answer."""
    refused = _undecidable(case, event)
    if refused is not None:
        return refused
    assert case.proposal is not None
    verdict = Verdict(event.by, event.at, event.notify_authority, event.notify_subjects, event.reasons, case.proposal)
    authorities = tuple(dict.fromkeys(event.authorities)) if event.notify_authority else ()
    decided = replace(case, verdict=verdict, authorities=authorities, alerts=without(case.alerts, Code.FACTS_CHANGED))
    if not verdict.stands:
        return Applied(decided, (Command(Do.ASK_CONFIRMATION, "decision"), *_drafts(decided)))
    return Applied(decided, _work(decided))


def _undecidable(case: Case, event: e.DecisionTaken) -> Rejected | None:
    if case.party is Party.PROCESSOR:
        return _NOT_OURS
    if case.proposal is None:
        return Rejected("no_facts", "state the facts first: an answer is kept with the proposal it was given on")
    if not event.reasons.strip():
        return Rejected("no_reason", "reasons are part of the documentation (Art. 33(5))")
    if event.notify_subjects and not event.notify_authority:
        return Rejected("not_monotone", "high risk is also a risk: whoever tells people tells the authority (Art. 33)")
    if event.notify_authority and not event.authorities:
        return Rejected("no_authority", "name the authorities: the lead one, or all concerned")
    return None


def confirm_decision(case: Case, event: e.DecisionConfirmed) -> Verdictless:
    if case.verdict is None or case.verdict.stands:
        return Rejected("nothing_to_confirm", "no answer waits for a second person")
    if case.verdict.by == event.by:
        return Rejected("own_no", "a second person confirms a no")
    decided = replace(case, verdict=replace(case.verdict, confirmed_by=event.by))
    return Applied(decided, _work(decided))


def _drafts(case: Case) -> tuple[Command, ...]:
    return tuple(Command(Do.DRAFT_NOTICE, a) for a in case.authorities if case.last_filing(a) is None)


def _work(case: Case) -> tuple[Command, ...]:
    assert case.verdict is not None
    letters = case.verdict.notify_subjects and case.letters is None
    return (*_drafts(case), *((Command(Do.SEND_LETTERS),) if letters else ()))


def claim(case: Case, event: e.ExemptionClaimed) -> Verdictless:
    """Art. 34(3), with its evidence or not at all."""
    if case.verdict is None or not case.verdict.notify_subjects:
        return Rejected("nobody_owed", "there is no duty to tell data subjects that an exemption could lift")
    if case.ordered:
        return Rejected(
            "ordered", "the authority has ordered it: an exemption is for the authority to find (Art. 34(4))"
        )
    try:
        check_exemption(event.exemption, event.evidence)
    except NotProven as error:
        return Rejected("not_proven", str(error))
    relief = Relief(event.exemption, event.evidence, event.by, event.at)
    return Applied(replace(case, relief=relief), (Command(Do.ASK_CONFIRMATION, "exemption"),))


def confirm_exemption(case: Case, event: e.ExemptionConfirmed) -> Verdictless:
    if case.relief is None or case.relief.confirmed_by is not None:
        return Rejected("nothing_to_confirm", "no exemption waits for a second person")
    if case.relief.by == event.by:
        return Rejected("own_no", "a second person confirms an exemption")
    done = replace(case, relief=replace(case.relief, confirmed_by=event.by))
    public = case.relief.exemption is Exemption.DISPROPORTIONATE
    return Applied(done, (Command(Do.PUBLISH),) if public else ())


def order(case: Case, event: e.SubjectsOrdered) -> Verdictless:
    """Undoes a no and an exemption; only letters that went out already fulfil it."""
    if case.party is Party.PROCESSOR:
        return _NOT_OURS
    if not event.reference.strip():
        return Rejected("no_reference", "give the authority's reference of the order")
    if case.ordered:
        return Ignored("ordered already")
    if case.letters is not None:
        return Ignored("data subjects were told already")
    ordered = replace(case, ordered=event.reference, ending=None, alerts=with_(case.alerts, Code.ORDERED))
    return Applied(ordered, (Command(Do.SEND_LETTERS),))


def close(case: Case, event: e.CaseClosed) -> Verdictless:
    """Facts, effects and measures are documented for every breach (Art. 33(5))."""
    if not event.effects.strip() or not event.measures.strip():
        return Rejected("not_documented", "write down effects and measures: Art. 33(5) asks for both")
    return Applied(replace(case, ending=Ending(event.by, event.at, event.effects, event.measures), alerts=()))


def reopen(case: Case, event: e.CaseReopened) -> Verdictless:
    if not event.reason.strip():
        return Rejected("no_reason", "say why the case is opened again")
    return Applied(replace(case, ending=None, dismissal=None, merged_into=None))
