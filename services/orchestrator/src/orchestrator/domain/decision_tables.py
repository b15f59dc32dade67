"""The rows of sagas in which a person decides, and of those that are answered while a restriction is in force.

Beside `tables`, which puts all rows together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain import decision_acts as decision
from orchestrator.domain import decision_events as decided
from orchestrator.domain import events as e
from orchestrator.domain import lift_acts as lifting
from orchestrator.domain import lift_events as lifted
from orchestrator.domain import saga_acts as act
from orchestrator.domain.places import A, C, D, E, F, I, R, V, Z

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.domain.decision import Verdictless
    from orchestrator.domain.words import State

    Act = Callable[..., Verdictless]
    Paths = tuple[tuple[State, type, Act, dict[State, str]], ...]

_DECIDE = "GDPR Art. 16, 21(1), 22(3)"
_AGAINST = "GDPR Art. 12(4), 21(1), 22(3)"
_RESTRICT = "GDPR Art. 18(1), 18(2)"
_LIFT = "GDPR Art. 18(3)"
_LOOK = "GDPR Art. 5(2)"
_JOIN = "GDPR Art. 18(1), 19, 21(1)"
_TIMERS = (e.AckOverdue, e.RetryDue, e.VerifyDue)
_HOLDS = (e.HoldProposed, e.HoldLiftProposed, e.HoldApproved)
_TASKS = (e.TaskRetryRequested, e.ExceptionProposed, e.ExceptionApproved)

DECISION_PATHS: Paths = (
    # a person decides, and lifts
    (D, decided.DecisionProposed, decision.propose, {D: _AGAINST, F: _DECIDE, C: _DECIDE}),
    (D, decided.DecisionApproved, decision.approve, {Z: _AGAINST, C: _AGAINST}),
    (Z, lifted.LiftAnnounced, lifting.announce, {Z: _LIFT}),
    (Z, lifted.LiftCalledOff, lifting.call_off, {Z: _LIFT}),
    (Z, lifted.LiftDue, lifting.come_due, {F: _LIFT}),
    (Z, lifted.LiftOrdered, lifting.lift, {F: _LIFT}),
    # what still may come in
    (D, e.TaskAcked, act.take_ack, {D: _LOOK, V: _LOOK, F: _LOOK}),
    (Z, e.TaskAcked, act.take_ack, {Z: _LOOK, V: _LOOK, F: _LOOK}),
    (D, e.ProcessorJoined, act.join_scope, {D: _JOIN, F: _JOIN}),
    (Z, e.ProcessorJoined, act.join_scope, {Z: _JOIN, F: _JOIN}),
    (D, e.AlarmDue, act.ring, {D: "GDPR Art. 12(3)"}),
)
"""State, event, act, and the article of each target."""

_RACED = "the timer raced: nothing is to be lifted now; if it still is announced, it comes due again"
_SETTLED = "every task is settled, so nothing waits for a moment"
IGNORED_PATHS: tuple[tuple[State, type, str], ...] = (
    *((s, e.DsrReceived, "redelivery: the saga is there") for s in (D, Z)),
    *((s, e.ScopePlanned, "redelivery: the scope is planned; it grows by joining") for s in (D, Z)),
    *((s, t, _SETTLED) for s in (D, Z) for t in _TIMERS),
    *((s, e.IdentityVerified, "who asks is not in doubt, or no longer") for s in (D, Z)),
    (Z, e.AlarmDue, "the person was answered, so the statutory clock has stopped"),
    *((s, lifted.LiftDue, _RACED) for s in (R, I, D, F, V, A, E, C)),
)

_LIFTS = (lifted.LiftOrdered, lifted.LiftAnnounced, lifted.LiftCalledOff)
_ACTS = (decided.DecisionProposed, decided.DecisionApproved, *_LIFTS)
_EARLY = "nothing is decided or lifted before all that was asked of processors is settled: see the saga's tasks"
REJECTED_PATHS: tuple[tuple[State, type, str, str], ...] = (
    *((s, t, "not_planned", "its scope is not planned: see its incident") for s in (R, I) for t in _ACTS),
    *((s, t, "not_yet", _EARLY) for s in (F, V, A) for t in _ACTS),
    *((E, t, "ended", "the request has ended: nothing is decided any more") for t in _ACTS),
    *((C, t, "closed", "the saga is closed and its certificate is signed: a new request is needed") for t in _ACTS),
    *((D, t, "not_decided", "decide first; then tell the data subject, and lift") for t in _LIFTS),
    *((Z, t, "nothing_to_decide", "it is decided, or nothing is left to decide") for t in _ACTS[:2]),
    *((s, t, "settled", "every task is settled: nothing is left to do or to except") for s in (D, Z) for t in _TASKS),
    *((s, t, "nothing_to_hold", "every task is settled: there is nothing to hold") for s in (D, Z) for t in _HOLDS),
    *((s, e.RetentionOver, "open", "the saga is open: its identifiers are still needed") for s in (D, Z)),
    *(
        (Z, t, "answered", "the person was answered: what was granted cannot be refused")
        for t in (e.RefusalProposed, e.RefusalApproved)
    ),
)
