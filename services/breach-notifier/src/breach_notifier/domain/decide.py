"""`decide(case, event)`: what follows from an event.

Pure and total: it raises only where the code contradicts its own tables.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breach_notifier.domain import events as e
from breach_notifier.domain.case import standing
from breach_notifier.domain.decision import Applied, Command, Decision, Disposition, Do, Ignored, Rejected
from breach_notifier.domain.errors import IllegalTransition
from breach_notifier.domain.opening import CLOCK_ALERTS, new_case, without
from breach_notifier.domain.tables import ABSENT, Ignore, Reject, rows
from breach_notifier.domain.words import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breach_notifier.domain.case import Case
    from breach_notifier.domain.events import Event

RULE = "rule:"
"""How the name of a configured rule begins that acts in place of a person."""
_RULES_MAY = (e.AwarenessDeclared, e.FactsStated, e.AffectedCounted)
_FIXED = frozenset({State.SUSPECTED, State.DISMISSED, State.CLOSED, State.MERGED})
_STOPPED = frozenset({State.NOTIFIED, State.SETTLED, State.CLOSED, State.MERGED})


def decide(case: Case | None, event: Event) -> Decision:
    """The next case and what others have to do. `case` is None before it is opened."""
    row = rows()[(ABSENT if case is None else case.state, type(event))]
    if isinstance(row, Ignore):
        return Decision(Disposition.IGNORED, case, detail=row.reason)
    if isinstance(row, Reject):
        return Decision(Disposition.REJECTED, case, code=row.code, detail=row.detail)
    nobody = _acted_by_nobody(event)
    if nobody is not None:
        return Decision(Disposition.REJECTED, case, code=nobody.code, detail=nobody.detail)
    before = case
    if case is None and isinstance(event, e.BreachSuspected | e.ProcessorNotified):
        before = new_case(event)
    assert before is not None, "only an opening event has a row where there is no case"
    answer = row.act(before, event)
    if isinstance(answer, Ignored):
        return Decision(Disposition.IGNORED, case, detail=answer.reason)
    if isinstance(answer, Rejected):
        return Decision(Disposition.REJECTED, case, code=answer.code, detail=answer.detail)
    return _settled(before, event, answer, row.articles)


def _acted_by_nobody(event: Event) -> Rejected | None:
    by = getattr(event, "by", None)
    if by is None:
        return None
    if not by.strip():
        return Rejected("no_name", "every act names who took it")
    if by.startswith(RULE) and not isinstance(event, _RULES_MAY):
        return Rejected("needs_person", "a rule may declare awareness and state facts; this is for a person")
    return None


def _settled(before: Case, event: Event, answer: Applied, articles: Mapping[State, str]) -> Decision:
    case = answer.case
    only = next(iter(articles)) if len(articles) == 1 else None
    state = only if only in _FIXED else standing(case)
    article = articles.get(state) if state is not None else None
    if state is None or article is None:
        raise IllegalTransition(f"{before.state} → {state} by {type(event).__name__}")
    alerts = without(case.alerts, *CLOCK_ALERTS) if state in _STOPPED else case.alerts
    after = replace(case, state=state, version=before.version + 1, alerts=alerts)
    told = (
        () if after.state is before.state and alerts == before.alerts and before.version else (Command(Do.TELL_STATUS),)
    )
    return Decision(Disposition.APPLIED, after, (*answer.commands, *told), article)
