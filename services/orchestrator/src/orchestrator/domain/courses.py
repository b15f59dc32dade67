"""What each right asks of processors and of people, and when: one row for every case and phase. GDPR Art. 7(3), 15-22.

A case is a right, or a part of one that is carried out differently. In each phase one stage is carried out at the
processors that it concerns; when it is settled, `then` says what is owed next. Nothing is lifted by itself: a person
says when the data subject was told (Art. 18(3)).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from lethe_events.words import Outcome, Right, Verb
from orchestrator.domain.words import Standing, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.domain.beside import Beside
    from orchestrator.domain.saga import Task


class Case(StrEnum):
    ACCESS = "access"
    ERASURE = "erasure"
    PORTABILITY = "portability"
    RECTIFICATION = "rectification"
    CONTESTED = "rectification, accuracy contested"
    RESTRICTION = "restriction"
    MARKETING = "objection to direct marketing"
    OBJECTION = "objection on other grounds"
    CONSENT = "consent withdrawal"
    AUTOMATED = "review of an automated decision"


class Phase(StrEnum):
    BEGUN = "at once"
    UPHELD = "decided for the person"
    REJECTED = "decided against the person"
    LIFTED = "lifting ordered"


class Whom(StrEnum):
    """Which processors a stage concerns; `terms.concern` decides by the register."""

    ALL = "every processor"
    PORTABLE = "where something rests on consent or a contract"
    CATEGORIES = "where the categories named are held; without any named, everywhere"
    MARKETED = "where a purpose of direct marketing is pursued"
    OBJECTED = "where a purpose objected to rests on legitimate interests or a public task"
    CONSENTED = "where a purpose rests on the consent withdrawn"
    RESTRICTED = "where the restriction was carried out"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Stage:
    """`verbs`: what is asked, the first that the register gives the processor. `then`: what is owed once settled."""

    case: Case
    phase: Phase
    verbs: tuple[Verb, ...]
    look: bool
    whom: Whom
    then: Standing
    article: str


@dataclass(frozen=True, slots=True)
class Never:
    case: Case
    phase: Phase
    reason: str


_DONE, _DECIDE, _LIFT = Standing.NOTHING_OWED, Standing.DECISION_OWED, Standing.LIFT_OWED
_B, _U, _R, _L = Phase.BEGUN, Phase.UPHELD, Phase.REJECTED, Phase.LIFTED
_TOLD = "GDPR Art. 18(3)"

STAGES: tuple[Stage, ...] = (
    Stage(Case.ACCESS, _B, (Verb.EXPORT,), False, Whom.ALL, _DONE, "GDPR Art. 15(1), 15(3)"),
    Stage(Case.ERASURE, _B, (Verb.ERASE,), True, Whom.ALL, _DONE, "GDPR Art. 17(1), 19"),
    Stage(Case.PORTABILITY, _B, (Verb.EXPORT,), False, Whom.PORTABLE, _DONE, "GDPR Art. 20(1)"),
    Stage(Case.RECTIFICATION, _B, (Verb.RECTIFY,), True, Whom.CATEGORIES, _DONE, "GDPR Art. 16, 19"),
    Stage(Case.CONTESTED, _B, (Verb.RESTRICT,), True, Whom.CATEGORIES, _DECIDE, "GDPR Art. 18(1)(a)"),
    Stage(Case.CONTESTED, _U, (Verb.RECTIFY,), True, Whom.CATEGORIES, _LIFT, "GDPR Art. 16, 19"),
    Stage(Case.CONTESTED, _R, (), False, Whom.NOBODY, _LIFT, "GDPR Art. 12(4), 16"),
    Stage(Case.CONTESTED, _L, (Verb.LIFT,), True, Whom.RESTRICTED, _DONE, _TOLD),
    Stage(Case.RESTRICTION, _B, (Verb.RESTRICT,), True, Whom.CATEGORIES, _LIFT, "GDPR Art. 18(1), 19"),
    Stage(Case.RESTRICTION, _L, (Verb.LIFT,), True, Whom.RESTRICTED, _DONE, _TOLD),
    Stage(Case.MARKETING, _B, (Verb.SUPPRESS,), True, Whom.MARKETED, _DONE, "GDPR Art. 21(2), 21(3)"),
    Stage(Case.OBJECTION, _B, (Verb.RESTRICT,), True, Whom.OBJECTED, _DECIDE, "GDPR Art. 21(1), 18(1)(d)"),
    Stage(Case.OBJECTION, _U, (Verb.SUPPRESS,), True, Whom.OBJECTED, _LIFT, "GDPR Art. 21(1)"),
    Stage(Case.OBJECTION, _R, (), False, Whom.NOBODY, _LIFT, "GDPR Art. 12(4), 21(1)"),
    Stage(Case.OBJECTION, _L, (Verb.LIFT,), True, Whom.RESTRICTED, _DONE, _TOLD),
    Stage(Case.CONSENT, _B, (Verb.SUPPRESS, Verb.ERASE), True, Whom.CONSENTED, _DONE, "GDPR Art. 7(3), 17(1)(b)"),
    Stage(Case.AUTOMATED, _B, (), False, Whom.NOBODY, _DECIDE, "GDPR Art. 22(3)"),
    Stage(Case.AUTOMATED, _U, (), False, Whom.NOBODY, _DONE, "GDPR Art. 22(3)"),
    Stage(Case.AUTOMATED, _R, (), False, Whom.NOBODY, _DONE, "GDPR Art. 12(4), 22(3)"),
)

_UNDECIDED = "nothing is weighed: the right itself says what is done"
_UNRESTRICTED = "nothing is restricted, so nothing is lifted"
_LAW_DECIDES = "the person restricts; there is nothing to weigh, only when to lift"

NEVER: tuple[Never, ...] = (
    *(
        Never(case, phase, reason)
        for case in (
            Case.ACCESS,
            Case.ERASURE,
            Case.PORTABILITY,
            Case.RECTIFICATION,
            Case.MARKETING,
            Case.CONSENT,
        )
        for phase, reason in ((_U, _UNDECIDED), (_R, _UNDECIDED), (_L, _UNRESTRICTED))
    ),
    Never(Case.RESTRICTION, _U, _LAW_DECIDES),
    Never(Case.RESTRICTION, _R, _LAW_DECIDES),
    Never(Case.AUTOMATED, _L, _UNRESTRICTED),
)


@cache
def stages() -> Mapping[tuple[Case, Phase], Stage]:
    return {(s.case, s.phase): s for s in STAGES}


_CASES = {
    Right.ACCESS: Case.ACCESS,
    Right.ERASURE: Case.ERASURE,
    Right.PORTABILITY: Case.PORTABILITY,
    Right.RECTIFICATION: Case.RECTIFICATION,
    Right.RESTRICTION: Case.RESTRICTION,
    Right.OBJECTION: Case.OBJECTION,
    Right.CONSENT_WITHDRAWAL: Case.CONSENT,
    Right.AUTOMATED_DECISION: Case.AUTOMATED,
}


def case_of(right: Right, beside: Beside | None) -> Case:
    asked = None if beside is None else beside.asked
    if asked is not None and right is Right.RECTIFICATION and asked.contested:
        return Case.CONTESTED
    if asked is not None and right is Right.OBJECTION and asked.direct_marketing:
        return Case.MARKETING
    return _CASES[right]


def phase_of(beside: Beside | None) -> Phase:
    if beside is None or (beside.lifting is None and beside.decision is None):
        return Phase.BEGUN
    if beside.lifting is not None or beside.decision is None:
        return Phase.LIFTED
    return Phase.UPHELD if beside.decision.upheld else Phase.REJECTED


def stage_of(right: Right, beside: Beside | None) -> Stage:
    """What is to be done now."""
    return stages()[case_of(right, beside), phase_of(beside)]


def onward(right: Right, beside: Beside, tasks: Iterable[Task], found: Standing) -> Standing:
    """What is owed when processors owe no more than `found`: a decision, lifting, or nothing.

    While a vendor's promise is open nothing is decided, nor answered: the restriction is looked for first. A request
    that was taken back needs no decision, only its lifting.
    """
    stage = stage_of(right, beside)
    settled = found is Standing.NOTHING_OWED or (found is Standing.SCOPE_UNKNOWN and not stage.verbs)
    then = stage.then
    if then is Standing.DECISION_OWED and beside.taken_back is None:
        if found is Standing.ABSENCE_OWED:
            return Standing.LOOK_OWED
        return then if settled else found
    if not settled:
        return found
    if then is Standing.NOTHING_OWED or not any(restricted(t) for t in tasks):
        return Standing.NOTHING_OWED
    return Standing.LIFT_OWED


def restricted(task: Task) -> bool:
    """Whether this task may have restricted something: it was asked, and the answer was not that nothing is there."""
    if task.verb is not Verb.RESTRICT or not task.attempt:
        return False
    return task.answer is None or task.answer.outcome is not Outcome.NOTHING_FOUND


def not_concerned(task: Task) -> bool:
    return task.status is TaskStatus.NOT_CONCERNED
