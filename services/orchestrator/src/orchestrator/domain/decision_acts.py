"""What a person decides: on compelling grounds, on accuracy, on an automated decision.

A decision for the data subject counts at once. One against needs a second person, as every "no" does.
GDPR Art. 16, 21(1), 22(3), 12(4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from orchestrator.domain.beside import Beside
from orchestrator.domain.courses import Case, case_of
from orchestrator.domain.decided import Deciding, PersonsDecision
from orchestrator.domain.decision import Rejected, Verdictless
from orchestrator.domain.plan import go_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_events.words import Right
    from orchestrator.domain.decision_events import DecisionApproved, DecisionProposed
    from orchestrator.domain.draft import Draft

UPHELD: Final = "upheld"
REJECTED: Final = "rejected"
CHANGED: Final = "changed"
CONFIRMED: Final = "confirmed"
OUTCOMES: Final[Mapping[Case, Mapping[str, bool]]] = {
    Case.CONTESTED: {UPHELD: True, REJECTED: False},
    Case.OBJECTION: {UPHELD: True, REJECTED: False},
    Case.AUTOMATED: {CHANGED: True, CONFIRMED: False},
}
"""Case → what may be decided, and whether that is for the data subject."""
AGAINST: Final[Mapping[Case, Mapping[str, str]]] = {
    Case.CONTESTED: {"accuracy_established": "GDPR Art. 16, 12(4)"},
    Case.OBJECTION: {"compelling_grounds": "GDPR Art. 21(1)", "legal_claims": "GDPR Art. 21(1)"},
}
"""Case → on which grounds, with the article, it may be decided against; a review of a decision needs reasons alone."""
ARTICLE: Final[Mapping[Case, str]] = {
    Case.CONTESTED: "GDPR Art. 16",
    Case.OBJECTION: "GDPR Art. 21(1)",
    Case.AUTOMATED: "GDPR Art. 22(3)",
}


def outcomes_of(right: Right, beside: Beside | None) -> Mapping[str, bool]:
    """What may be decided about a request; nothing where the law leaves nothing to decide."""
    return OUTCOMES.get(case_of(right, beside), {})


def grounds_against(right: Right, beside: Beside | None) -> Mapping[str, str]:
    return AGAINST.get(case_of(right, beside), {})


def propose(draft: Draft, event: DecisionProposed) -> Verdictless:
    """A later proposal replaces an earlier one that nobody approved."""
    saga = draft.saga
    beside = saga.beside or Beside()
    upheld = outcomes_of(saga.right, beside).get(event.outcome)
    if upheld is None:
        return Rejected("unknown_outcome", "this cannot be decided about this request")
    if not event.reasons:
        return Rejected("no_reasons", "a decision has its reasons (Art. 12(4), 5(2))")
    article = ARTICLE[case_of(saga.right, beside)]
    draft.tell = True
    if upheld:
        made = PersonsDecision(event.outcome, True, article, event.reasons, event.by, event.at)
        draft.fields["beside"] = replace(beside, deciding=None, decision=made)
        go_on(draft)
        return None
    grounds = grounds_against(saga.right, beside)
    if grounds and event.ground not in grounds:
        return Rejected("unknown_ground", f"it can be decided against on: {', '.join(grounds)}")
    waits = Deciding(event.outcome, event.ground or "", event.article or article, event.reasons, event.by, event.at)
    draft.fields["beside"] = replace(beside, deciding=waits)
    return None


def approve(draft: Draft, event: DecisionApproved) -> Verdictless:
    """The second person's word. What was restricted stays so until a person has told the data subject."""
    beside = draft.saga.beside
    waits = None if beside is None else beside.deciding
    if beside is None or waits is None:
        return Rejected("nothing_proposed", "propose the decision first; another person then approves it")
    if waits.by == event.by:
        return Rejected("same_person", "the person who proposed a decision cannot approve it: ask another one")
    made = PersonsDecision(
        waits.outcome,
        False,
        waits.article,
        waits.reasons,
        waits.by,
        event.at,
        event.by,
        waits.ground or None,
    )
    draft.fields["beside"] = replace(beside, deciding=None, decision=made)
    draft.tell = True
    return None
