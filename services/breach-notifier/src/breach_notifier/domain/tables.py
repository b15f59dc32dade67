"""The case as three tables. Every pair of state and event is in exactly one of them; a test checks it.

A step lists where it may lead; which of them it is follows from what is still owed (`case.standing`). What is
rejected changes nothing: the person who tried is told why, a message is parked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from breach_notifier.domain import assessing, joining, opening, telling
from breach_notifier.domain import events as e
from breach_notifier.domain.words import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from breach_notifier.domain.decision import Verdictless

    Act = Callable[..., Verdictless]

ABSENT: Final = "absent"
Where = State | str
SUS, DIS, AWA, ASS, NOT, SET, CLO, MER = (
    State.SUSPECTED,
    State.DISMISSED,
    State.AWARE,
    State.ASSESSED,
    State.NOTIFIED,
    State.SETTLED,
    State.CLOSED,
    State.MERGED,
)
STATES: tuple[Where, ...] = (ABSENT, SUS, DIS, AWA, ASS, NOT, SET, CLO, MER)
OPEN = (AWA, ASS, NOT, SET)


@dataclass(frozen=True, slots=True)
class Step:
    state: Where
    event: type
    target: State
    act: Act
    article: str


@dataclass(frozen=True, slots=True)
class Ignore:
    state: Where
    event: type
    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """`detail` tells a person what to do next."""

    state: Where
    event: type
    code: str
    detail: str


def _steps(state: Where, event: type, act: Act, article: str, *targets: State) -> tuple[Step, ...]:
    return tuple(Step(state, event, target, act, article) for target in targets)


def _stay(states: Iterable[State], event: type, act: Act, article: str) -> tuple[Step, ...]:
    return tuple(Step(state, event, state, act, article) for state in states)


_BREACH = "GDPR Art. 4(12)"
_AWARE = "GDPR Art. 33(1)"
_PROCESSOR = "GDPR Art. 33(2)"
_RISK = "GDPR Art. 33(1), 34(1)"
_CONTENT = "GDPR Art. 33(3)"
_PHASES = "GDPR Art. 33(1), 33(4)"
_SUBJECTS = "GDPR Art. 34(1), 34(2)"
_EXEMPT = "GDPR Art. 34(3)"
_ORDER = "GDPR Art. 34(4)"
_DOCUMENT = "GDPR Art. 33(5)"

STEPS: tuple[Step, ...] = (
    # from the first sign to awareness
    Step(ABSENT, e.BreachSuspected, SUS, opening.suspect, _BREACH),
    Step(ABSENT, e.ProcessorNotified, AWA, opening.processor_notified, _PROCESSOR),
    *(Step(s, e.ProcessorNotified, AWA, opening.processor_notified, _PROCESSOR) for s in (SUS, DIS)),
    *_stay((*OPEN, MER), e.ProcessorNotified, opening.add_evidence, _DOCUMENT),
    *_stay((SUS, DIS, *OPEN, CLO, MER), e.EvidenceAdded, opening.add_evidence, _DOCUMENT),
    *_stay((SUS,), e.DismissalProposed, opening.propose_dismissal, _BREACH),
    Step(SUS, e.DismissalConfirmed, DIS, opening.confirm_dismissal, _DOCUMENT),
    *(Step(s, e.AwarenessDeclared, AWA, opening.declare, _AWARE) for s in (SUS, DIS)),
    *_stay(OPEN, e.AwarenessDeclared, opening.declare, _AWARE),
    *(Step(s, e.BreachRecurred, AWA, opening.recur, _AWARE) for s in (*OPEN, CLO)),
    # time passes
    *_stay((SUS,), e.TriageDue, opening.triage, _AWARE),
    *_stay((AWA, ASS), e.RungDue, opening.ring, _AWARE),
    # what is known
    *_stay((SUS, AWA), e.FactsStated, assessing.state_facts, _RISK),
    *_steps(ASS, e.FactsStated, assessing.state_facts, _RISK, ASS, AWA),
    *_steps(NOT, e.FactsStated, assessing.state_facts, _PHASES, NOT, AWA),
    *_steps(SET, e.FactsStated, assessing.state_facts, _PHASES, SET, NOT, AWA),
    *_steps(CLO, e.FactsStated, assessing.state_facts, _PHASES, SET, NOT, AWA),
    *_stay((SUS, AWA), e.AffectedCounted, assessing.count, _CONTENT),
    *_steps(ASS, e.AffectedCounted, assessing.count, _CONTENT, ASS, AWA),
    *_steps(NOT, e.AffectedCounted, assessing.count, _PHASES, NOT, AWA),
    *_steps(SET, e.AffectedCounted, assessing.count, _PHASES, SET, NOT, AWA),
    *_steps(CLO, e.AffectedCounted, assessing.count, _PHASES, SET, NOT, AWA),
    # what people answer
    *_steps(AWA, e.DecisionTaken, assessing.decide_answers, _RISK, AWA, ASS, NOT, SET),
    *_steps(ASS, e.DecisionTaken, assessing.decide_answers, _RISK, AWA, ASS, NOT, SET),
    *_steps(NOT, e.DecisionTaken, assessing.decide_answers, _RISK, AWA, ASS, NOT),
    *_steps(SET, e.DecisionTaken, assessing.decide_answers, _RISK, AWA, ASS, NOT, SET),
    *_steps(AWA, e.DecisionConfirmed, assessing.confirm_decision, _RISK, ASS, NOT, SET),
    # notices
    *_stay(OPEN, e.NoticeDrafted, telling.draft, _CONTENT),
    *_stay(OPEN, e.NoticeSignedOff, telling.sign_off, _CONTENT),
    *_stay((AWA,), e.NoticeFiled, telling.file, _PHASES),
    *_steps(ASS, e.NoticeFiled, telling.file, _PHASES, ASS, NOT, SET),
    *_steps(NOT, e.NoticeFiled, telling.file, _PHASES, NOT, SET),
    *_steps(SET, e.NoticeFiled, telling.file, _PHASES, SET, NOT),
    Step(AWA, e.ControllerTold, SET, telling.tell_controller, _PROCESSOR),
    # data subjects
    *_stay((AWA, ASS, SET), e.SubjectsTold, telling.tell_subjects, _SUBJECTS),
    *_steps(NOT, e.SubjectsTold, telling.tell_subjects, _SUBJECTS, NOT, SET),
    *_stay((ASS, NOT), e.ExemptionClaimed, assessing.claim, _EXEMPT),
    *_stay((ASS,), e.ExemptionConfirmed, assessing.confirm_exemption, _EXEMPT),
    *_steps(NOT, e.ExemptionConfirmed, assessing.confirm_exemption, _EXEMPT, NOT, SET),
    *_stay((AWA, ASS, NOT), e.SubjectsOrdered, assessing.order, _ORDER),
    *(Step(s, e.SubjectsOrdered, NOT, assessing.order, _ORDER) for s in (SET, CLO)),
    # the end, and what is opened again
    Step(SET, e.CaseClosed, CLO, assessing.close, _DOCUMENT),
    Step(DIS, e.CaseReopened, SUS, assessing.reopen, _BREACH),
    Step(CLO, e.CaseReopened, SET, assessing.reopen, _DOCUMENT),
    *_steps(MER, e.CaseReopened, assessing.reopen, _DOCUMENT, SUS, AWA, ASS),
    # several cases of one incident
    *(Step(s, e.CaseMerged, MER, joining.merge, _DOCUMENT) for s in (SUS, AWA, ASS)),
    *_steps(SUS, e.CaseJoined, joining.join, _AWARE, SUS, AWA),
    *_stay((AWA, ASS, NOT), e.CaseJoined, joining.join, _AWARE),
    *_steps(SET, e.CaseJoined, joining.join, _PHASES, SET, NOT),
    *_stay((SUS, DIS, *OPEN, CLO, MER), e.CaseRelated, joining.relate, _DOCUMENT),
)

IGNORED: tuple[Ignore, ...] = (
    *(Ignore(s, e.BreachSuspected, "redelivery: the case is there") for s in STATES[1:]),
    Ignore(DIS, e.DismissalProposed, "dismissed already"),
    Ignore(DIS, e.DismissalConfirmed, "dismissed already"),
    *(Ignore(s, e.DecisionConfirmed, "the decision stands") for s in (ASS, NOT, SET)),
    *(Ignore(s, e.TriageDue, "the suspicion was decided") for s in (DIS, *OPEN, CLO, MER)),
    *(Ignore(s, e.RungDue, "no clock runs for what is not known to be a breach") for s in (SUS, DIS)),
    *(Ignore(s, e.RungDue, "every authority was told: its clock has stopped") for s in (NOT, SET, CLO)),
    Ignore(MER, e.RungDue, "the clock runs in the case that goes on"),
    Ignore(MER, e.CaseMerged, "merged already"),
    Ignore(SET, e.ExemptionConfirmed, "confirmed already: nothing is owed"),
    Ignore(SET, e.ControllerTold, "the controller was told"),
    Ignore(CLO, e.CaseClosed, "closed already"),
    *(Ignore(s, e.CaseReopened, "the case is open") for s in (SUS, *OPEN)),
)

_NO_CASE = "there is no such case: the event is of another installation, or the case was never opened"
_UNAWARE = "nobody is aware of a breach yet: declare awareness first, with its instant and reason"
_DISMISSED = "the case was dismissed: open it again, or declare awareness"
_CLOSED = "the case is closed: open it again, or tell that the breach recurred"
_AFTER = "awareness was declared: that it was no breach, or no risk, is now a decision with reasons and a second person"
_ANSWER = "decide first whom to tell; an exemption lifts a duty that was found"
_OWED = "something is still owed: decide, file, tell or prove an exemption first"
_MERGED = "this case goes on in another one: act there; if it was another incident after all, open it again"
_TOLD = "the authority was told under this case: merge the other one into it; or relate them"
_NOBODY = "no data subject has to be told, or they were"

_ACTS = (
    e.DecisionTaken,
    e.DecisionConfirmed,
    e.NoticeDrafted,
    e.NoticeSignedOff,
    e.NoticeFiled,
    e.ControllerTold,
    e.SubjectsTold,
    e.ExemptionClaimed,
    e.ExemptionConfirmed,
)

REJECTED: tuple[Reject, ...] = (
    *(Reject(ABSENT, t, "unknown_case", _NO_CASE) for t in e.EVENTS if t not in e.OPENING),
    *(Reject(SUS, t, "not_aware", _UNAWARE) for t in (*_ACTS, e.SubjectsOrdered, e.BreachRecurred, e.CaseClosed)),
    *(
        Reject(DIS, t, "dismissed", _DISMISSED)
        for t in (
            *_ACTS,
            e.FactsStated,
            e.AffectedCounted,
            e.SubjectsOrdered,
            e.BreachRecurred,
            e.CaseClosed,
        )
    ),
    *(Reject(s, t, "aware", _AFTER) for s in OPEN for t in (e.DismissalProposed, e.DismissalConfirmed)),
    *(Reject(AWA, t, "not_decided", _ANSWER) for t in (e.ExemptionClaimed, e.ExemptionConfirmed)),
    *(Reject(s, e.ControllerTold, "not_a_processor", "the controller decides and notifies") for s in (ASS, NOT)),
    Reject(SET, e.ExemptionClaimed, "nobody_owed", _NOBODY),
    *(Reject(s, e.CaseClosed, "owed", _OWED) for s in (AWA, ASS, NOT)),
    *(Reject(s, e.CaseMerged, "told_already", _TOLD) for s in (NOT, SET)),
    *(Reject(DIS, t, "dismissed", _DISMISSED) for t in (e.CaseMerged, e.CaseJoined)),
    *(Reject(CLO, t, "closed", _CLOSED) for t in (e.CaseMerged, e.CaseJoined)),
    *(
        Reject(MER, t, "merged", _MERGED)
        for t in (
            *_ACTS,
            e.DismissalProposed,
            e.DismissalConfirmed,
            e.AwarenessDeclared,
            e.FactsStated,
            e.AffectedCounted,
            e.SubjectsOrdered,
            e.BreachRecurred,
            e.CaseClosed,
            e.CaseJoined,
        )
    ),
    *(
        Reject(CLO, t, "closed", _CLOSED)
        for t in (*_ACTS, e.ProcessorNotified, e.DismissalProposed, e.DismissalConfirmed, e.AwarenessDeclared)
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """The steps of one pair: one act, and the article of each target."""

    act: Act
    articles: Mapping[State, str]


@cache
def rows() -> Mapping[tuple[Where, type], Row | Ignore | Reject]:
    found: dict[tuple[Where, type], Row | Ignore | Reject] = {}
    found |= {(r.state, r.event): r for r in IGNORED}
    found |= {(r.state, r.event): r for r in REJECTED}
    grouped: dict[tuple[Where, type], list[Step]] = {}
    for step in STEPS:
        grouped.setdefault((step.state, step.event), []).append(step)
    for pair, steps in grouped.items():
        found[pair] = Row(steps[0].act, {s.target: s.article for s in steps})
    return found
