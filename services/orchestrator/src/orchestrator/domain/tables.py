"""The saga as three tables. Every pair of state and event is in exactly one of them; a test checks it.

A step names where it leads and what then is still owed (`when`), which is computed from the tasks alone.
What is rejected is parked and shown to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from orchestrator.domain import clock_acts as clock
from orchestrator.domain import decision_tables as decided
from orchestrator.domain import ending_acts as end
from orchestrator.domain import escalation
from orchestrator.domain import events as e
from orchestrator.domain import hold_acts as hold
from orchestrator.domain import hold_events as held
from orchestrator.domain import kept_parts as kept
from orchestrator.domain import letter_acts as letter
from orchestrator.domain import letter_events as said
from orchestrator.domain import refusal_acts as refusal
from orchestrator.domain import saga_acts as act
from orchestrator.domain import standing_acts as standing
from orchestrator.domain.escalation_event import Escalated
from orchestrator.domain.places import ABSENT, STATES, A, C, D, E, F, I, R, V, Z
from orchestrator.domain.words import Standing, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.domain.decision import Verdictless

    Act = Callable[..., Verdictless]

_WHEN: Mapping[State, Standing] = {
    R: Standing.SCOPE_UNKNOWN,
    F: Standing.WORK_OWED,
    V: Standing.LOOK_OWED,
    A: Standing.ABSENCE_OWED,
    C: Standing.NOTHING_OWED,
    E: Standing.ANSWERS_OWED,
    I: Standing.IDENTITY_OWED,
    D: Standing.DECISION_OWED,
    Z: Standing.LIFT_OWED,
}


@dataclass(frozen=True, slots=True)
class Step:
    state: State
    event: type
    target: State
    act: Act
    article: str

    @property
    def when(self) -> Standing:
        """The guard: what is owed after the act."""
        return _WHEN[self.target]


@dataclass(frozen=True, slots=True)
class Ignore:
    state: State
    event: type
    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """`detail` tells a person what to do next."""

    state: State
    event: type
    code: str
    detail: str


def _steps(state: State, event: type, act: Act, targets: Mapping[State, str]) -> tuple[Step, ...]:
    return tuple(Step(state, event, target, act, article) for target, article in targets.items())


_WORK = "GDPR Art. 12(3), 17(1), 15(1)"
_LOOK = "GDPR Art. 5(2)"
_ANSWER = "GDPR Art. 12(3)"
_CLOSE = "GDPR Art. 5(2), 12(3)"
_EXCEPT = "GDPR Art. 12(4), 17(3), 15(4)"
_ORDER = "GDPR Art. 12(3) undue delay"
_ALARM = "GDPR Art. 12(3)"
_JOIN = "GDPR Art. 17(1), 19, 15(1)"
_HOLD = "GDPR Art. 17(3)(b), 17(3)(e), 18(1)(c)"
_RESUME = "GDPR Art. 17(1)(a), 5(1)(e)"
_DOUBT = "GDPR Art. 12(6), 12(2)"
_REFUSE = "GDPR Art. 12(4), 12(5), 17(3)"
_TOLD = "GDPR Art. 12(1), 12(3), 12(4), 5(2)"
_WITHDRAW = "GDPR Art. 12(2), 5(2)"
_BACK = "GDPR Art. 12(2), 18(3)"
_DECIDE = "GDPR Art. 12(3), 16, 21(1), 22(3)"
_RESTRICT = "GDPR Art. 12(3), 18(1), 18(2)"

_TIMERS = (e.AckOverdue, e.RetryDue, e.VerifyDue)

STEPS: tuple[Step, ...] = (
    # a DSR comes in and its scope is planned
    *_steps(ABSENT, e.DsrReceived, act.receive, {R: "GDPR Art. 12(3)", I: _DOUBT}),
    Step(I, e.IdentityVerified, R, clock.identify, _DOUBT),
    Step(I, e.AlarmDue, I, act.ring, _ALARM),
    *_steps(
        R, e.ScopePlanned, act.plan_scope, {R: "GDPR Art. 5(2)", F: "GDPR Art. 15(1), 17(1), 19", D: _DECIDE, C: _CLOSE}
    ),
    *_steps(R, e.ProcessorJoined, act.join_scope, {F: _JOIN}),
    Step(R, e.AlarmDue, R, act.ring, _ALARM),
    # processors answer
    *_steps(F, e.TaskAcked, act.take_ack, {F: _WORK, V: _LOOK, A: _ANSWER, D: _DECIDE, Z: _RESTRICT, C: _CLOSE}),
    *_steps(V, e.TaskAcked, act.take_ack, {F: _WORK, V: _LOOK, A: _ANSWER, D: _DECIDE, Z: _RESTRICT, C: _CLOSE}),
    *_steps(A, e.TaskAcked, act.take_ack, {F: _WORK, A: _ANSWER, Z: _RESTRICT, C: _CLOSE}),
    # time passes
    *(s for t in _TIMERS for s in _steps(F, t, act.take_task_event, {F: _ORDER})),
    *(s for t in (e.AckOverdue, e.RetryDue) for s in _steps(V, t, act.take_task_event, {V: _ORDER})),
    *_steps(V, e.VerifyDue, act.take_task_event, {V: _LOOK, D: _DECIDE}),
    *(s for t in (e.AckOverdue, e.RetryDue) for s in _steps(A, t, act.take_task_event, {A: _ORDER})),
    *_steps(A, e.VerifyDue, act.take_task_event, {A: _LOOK, Z: _RESTRICT, C: _CLOSE}),
    *(Step(s, e.AlarmDue, s, act.ring, _ALARM) for s in (F, V)),
    Step(C, e.RetentionOver, C, act.forget, "GDPR Art. 5(1)(e)"),
    # the register changes
    *_steps(F, e.ProcessorJoined, act.join_scope, {F: _JOIN}),
    *_steps(V, e.ProcessorJoined, act.join_scope, {F: _JOIN, V: _JOIN}),
    *_steps(A, e.ProcessorJoined, act.join_scope, {F: _JOIN, A: _JOIN}),
    # people act
    *_steps(F, e.TaskRetryRequested, act.take_task_event, {F: _ORDER}),
    *_steps(V, e.TaskRetryRequested, act.take_task_event, {F: _ORDER, V: _ORDER}),
    *_steps(A, e.TaskRetryRequested, act.take_task_event, {F: _ORDER, A: _ORDER}),
    *(Step(s, e.ExceptionProposed, s, act.take_task_event, _EXCEPT) for s in (F, V, A)),
    *_steps(F, e.ExceptionApproved, act.take_task_event, dict.fromkeys((F, V, A, D, Z, C), _EXCEPT)),
    *_steps(V, e.ExceptionApproved, act.take_task_event, dict.fromkeys((V, A, D, Z, C), _EXCEPT)),
    *_steps(A, e.ExceptionApproved, act.take_task_event, dict.fromkeys((A, Z, C), _EXCEPT)),
    # legal holds
    *(
        Step(s, event, s, act_, _HOLD)
        for s in (R, I, F, V, A)
        for event, act_ in (
            (e.HoldProposed, hold.propose),
            (e.HoldLiftProposed, hold.propose_lift),
            (e.HoldApproved, hold.approve),
        )
    ),
    *(Step(s, held.HoldImposed, s, standing.impose, _HOLD) for s in (R, I, F, V, A, C)),
    *(Step(s, held.HoldReleased, s, standing.release, _HOLD) for s in (R, I, F, V, A, E, C)),
    *(Step(s, held.HoldReleased, F, standing.release, _RESUME) for s in (V, A, C)),
    # what was kept until a date
    Step(C, held.KeptPartDue, F, kept.come_due, _RESUME),
    # letters go out
    *(Step(s, said.LetterReported, s, letter.report, _TOLD) for s in STATES if s != ABSENT),
    # somebody is called
    *(Step(s, Escalated, s, escalation.escalate, _ALARM) for s in (R, I, D, F, V)),
    # the clock is changed
    *(Step(s, said.ExtensionAsked, s, letter.ask_extension, _ALARM) for s in (R, I, D, F, V)),
    # a person decides, or lifts a restriction
    *(s for state, event, act_, targets in decided.DECISION_PATHS for s in _steps(state, event, act_, targets)),
    # the clock is changed
    *(Step(s, e.Extended, s, clock.extend, _ALARM) for s in (R, I, D, F, V)),
    # the request ends before it is carried out
    *(Step(s, e.Withdrawn, C, end.withdraw, _WITHDRAW) for s in (R, I)),
    *(
        s
        for state in (F, V, A)
        for s in _steps(state, e.Withdrawn, end.withdraw, {state: _BACK, E: _WITHDRAW, C: _WITHDRAW})
    ),
    *_steps(D, e.Withdrawn, end.withdraw, {Z: _BACK, C: _WITHDRAW}),
    Step(Z, e.Withdrawn, Z, end.withdraw, _BACK),
    *(Step(s, e.RefusalProposed, s, refusal.propose, _REFUSE) for s in (R, I, D, F, V)),
    *(Step(s, e.RefusalApproved, C, refusal.approve, _REFUSE) for s in (R, I, D)),
    *(s for state in (F, V) for s in _steps(state, e.RefusalApproved, refusal.approve, {E: _REFUSE, C: _REFUSE})),
    *_steps(E, e.TaskAcked, act.take_ack, {E: _LOOK, C: _LOOK}),
    Step(E, e.AckOverdue, E, act.take_task_event, _LOOK),
    Step(E, e.ExceptionProposed, E, act.take_task_event, _EXCEPT),
    *_steps(E, e.ExceptionApproved, act.take_task_event, {E: _EXCEPT, C: _EXCEPT}),
)

IGNORED: tuple[Ignore, ...] = (
    *(Ignore(s, e.DsrReceived, "redelivery: the saga is there") for s in (R, I, F, V, A, E, C)),
    *(Ignore(s, e.ScopePlanned, "redelivery: the scope is planned; it grows by joining") for s in (F, V, A, E, C)),
    Ignore(C, e.TaskAcked, "late: kept among the stray acknowledgements; data seen after closing is an incident"),
    Ignore(A, e.AlarmDue, "the person was answered, so the statutory clock has stopped"),
    *(Ignore(C, t, "the timer raced the closing") for t in (*_TIMERS, e.AlarmDue)),
    *(Ignore(E, t, "the request has ended: nothing is asked again") for t in (e.RetryDue, e.VerifyDue)),
    *(Ignore(s, e.IdentityVerified, "who asks is not in doubt, or no longer") for s in (R, F, V, A)),
    *(Ignore(s, e.IdentityVerified, "the request is over") for s in (E, C)),
    Ignore(I, e.ProcessorJoined, "who asks is in doubt: its scope is planned when that is settled"),
    Ignore(E, e.AlarmDue, "the request has ended, so the statutory clock has stopped"),
    Ignore(E, e.ProcessorJoined, "the request has ended: nobody else is asked"),
    Ignore(E, e.Withdrawn, "it has ended already; the first end counts"),
    Ignore(C, e.Withdrawn, "too late: the saga had closed; what was done is on its certificate"),
    *(Ignore(*path) for path in decided.IGNORED_PATHS),
    Ignore(C, e.ProcessorJoined, "the scope of a closed saga is final; its certificate names the register's versions"),
)

_STILL_OPEN = "the timer raced: the saga is open, and what it keeps is not settled"

IGNORED += (
    *(Ignore(s, Escalated, "answered, or over: nobody has to be called") for s in (A, Z, E, C)),
    *(Ignore(s, held.KeptPartDue, _STILL_OPEN) for s in (R, I, D, F, V, A, Z, E)),
    *(Ignore(s, t, "this request erases nothing") for s in (D, Z) for t in (held.HoldImposed, held.HoldReleased)),
    Ignore(E, held.HoldImposed, "the request has ended: nothing is erased any more"),
)

_NO_SAGA = "there is no such saga: the message is of another installation, or the saga's record was lost"
_NO_TASKS = "its scope is not planned, so nothing was asked: see its incident"
_CLOSED = "the saga is closed and its certificate is signed: a new request is needed"
_OPEN = "the saga is open: its identifiers are still needed"

REJECTED: tuple[Reject, ...] = (
    *(Reject(*path) for path in decided.REJECTED_PATHS),
    *(Reject(ABSENT, t, "unknown_saga", _NO_SAGA) for t in e.EVENTS if t is not e.DsrReceived),
    *(
        Reject(s, t, "not_planned", _NO_TASKS)
        for s in (R, I)
        for t in (e.TaskAcked, *_TIMERS, e.TaskRetryRequested, e.ExceptionProposed, e.ExceptionApproved)
    ),
    Reject(I, e.ScopePlanned, "in_doubt", "who asks is in doubt: nothing is planned before that is settled"),
    *(Reject(s, e.RetentionOver, "open", _OPEN) for s in (R, I, F, V, A, E)),
    Reject(E, e.TaskRetryRequested, "ended", "the request has ended: nothing is asked any more"),
    *(
        Reject(A, t, "answered", "the person was answered: what was granted cannot be refused")
        for t in (e.RefusalProposed, e.RefusalApproved)
    ),
    *(
        Reject(E, t, "ended", "the request has ended already; the first end counts")
        for t in (e.RefusalProposed, e.RefusalApproved)
    ),
    *(
        Reject(s, t, code, text)
        for s, code, text in ((E, "ended", "the request has ended: nothing is erased any more"), (C, "closed", _CLOSED))
        for t in (e.HoldProposed, e.HoldLiftProposed, e.HoldApproved)
    ),
    *(
        Reject(s, t, code, text)
        for t in (e.Extended, said.ExtensionAsked)
        for s, code, text in (
            (A, "answered", "the person was answered: there is no period left to extend"),
            (Z, "answered", "the person was answered: there is no period left to extend"),
            (E, "ended", "the request has ended: there is no period left to extend"),
        )
    ),
    *(
        Reject(C, t, "closed", _CLOSED)
        for t in (
            e.TaskRetryRequested,
            e.ExceptionProposed,
            e.ExceptionApproved,
            e.Extended,
            said.ExtensionAsked,
            e.RefusalProposed,
            e.RefusalApproved,
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """The steps of one pair: one act, and the article of each target."""

    act: Act
    articles: Mapping[State, str]


@cache
def rows() -> Mapping[tuple[State, type], Row | Ignore | Reject]:
    found: dict[tuple[State, type], Row | Ignore | Reject] = {}
    found |= {(r.state, r.event): r for r in IGNORED}
    found |= {(r.state, r.event): r for r in REJECTED}
    grouped: dict[tuple[State, type], list[Step]] = {}
    for step in STEPS:
        grouped.setdefault((step.state, step.event), []).append(step)
    for pair, steps in grouped.items():
        found[pair] = Row(steps[0].act, {s.target: s.article for s in steps})
    return found
