"""What happens to a saga. Acts about one task look its row up in the table of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import Outcome, Right
from orchestrator.domain.beside import Beside
from orchestrator.domain.clock import LADDER
from orchestrator.domain.decided import Asked
from orchestrator.domain.decision import Ignored, Rejected, ShredVault, Verdictless
from orchestrator.domain.ending_tables import ending_rows
from orchestrator.domain.errors import IllegalTransition
from orchestrator.domain.events import (
    AckOverdue,
    AlarmDue,
    ExceptionApproved,
    ExceptionProposed,
    RetentionOver,
    RetryDue,
    TaskAcked,
    TaskRetryRequested,
    VerifyDue,
)
from orchestrator.domain.plan import extend
from orchestrator.domain.saga import COPIED, SIMPLE, Saga
from orchestrator.domain.sense import happening, nonsense
from orchestrator.domain.task_tables import TaskIgnore, TaskReject, task_rows
from orchestrator.domain.words import IN_DOUBT, Code, Happening, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lethe_events as wire
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.events import DsrReceived, ProcessorJoined, ScopePlanned
    from orchestrator.domain.saga import Task

TaskEvent = TaskAcked | AckOverdue | RetryDue | VerifyDue | TaskRetryRequested | ExceptionProposed | ExceptionApproved
_NEGATIVE = frozenset({Happening.RESIDUAL, Happening.TRANSIENT, Happening.PERMANENT, Happening.NEEDS_PERSON})
_HAPPENING: Mapping[type, Happening] = {
    AckOverdue: Happening.ACK_OVERDUE,
    RetryDue: Happening.RETRY_DUE,
    VerifyDue: Happening.VERIFY_DUE,
    TaskRetryRequested: Happening.RETRY_REQUESTED,
    ExceptionProposed: Happening.EXCEPTION_PROPOSED,
    ExceptionApproved: Happening.EXCEPTION_APPROVED,
}


def new_saga(event: DsrReceived) -> Saga:
    """The saga of a DSR, before anything is decided about it."""
    dsr = event.dsr
    return Saga(
        id=dsr.dsr_id,
        controller_id=dsr.controller_id,
        subject_ref=dsr.subject_ref,
        right=dsr.right,
        export_first=dsr.export_first,
        country=dsr.country,
        channel=dsr.channel,
        identity=dsr.identity,
        identifier_kinds=dsr.identifier_kinds,
        received_at=dsr.received_at,
        accepted_at=dsr.accepted_at,
        clock=event.clock,
        beside=None if dsr.right in _PLAIN else Beside(asked=_asked(dsr)),
    )


_PLAIN = COPIED | {Right.ERASURE}
"""Rights that name nothing but themselves."""


def _asked(dsr: wire.DsrReceived) -> Asked:
    return Asked(
        purposes=dsr.purposes,
        categories=dsr.categories,
        direct_marketing=dsr.direct_marketing,
        contested=dsr.contested,
        ground=dsr.ground,
        decision=dsr.decision,
    )


def receive(draft: Draft, event: DsrReceived) -> Verdictless:
    """Starts the clock. A country without calendar gets the shortest month there is, and a person who checks it."""
    if event.clock.unsure:
        draft.alert(Code.CLOCK_UNSURE)
    draft.tell = event.dsr.identity == IN_DOUBT
    return None


def plan_scope(draft: Draft, event: ScopePlanned) -> Verdictless:
    """An empty scope is an incident: a person whose data nobody looked for was not answered."""
    draft.fields["register_version"] = event.register_version
    draft.tell = True
    draft.resolve_alerts(Code.SCOPE_EMPTY, Code.NOTHING_CONCERNED)
    if event.processors or draft.saga.right is Right.AUTOMATED_DECISION:
        extend(draft, event.processors, event.tokens, event.register_version)
    else:
        draft.alert(Code.SCOPE_EMPTY)
    return None


def join_scope(draft: Draft, event: ProcessorJoined) -> Verdictless:
    """Registered while the saga is open: it is asked like those that were there from the beginning."""
    rules = event.processor
    if any(t.processor_id == rules.processor_id for t in draft.tasks.values()):
        return Ignored("it is in scope already")
    if draft.saga.beside is not None and draft.saga.beside.reopened:
        return Ignored("the saga was opened anew for what it had kept: what came into being since is not part of it")
    if not draft.tasks and draft.saga.right not in SIMPLE:
        return Ignored("nothing is asked of processors, or its scope is planned as a whole")
    draft.resolve_alerts(Code.SCOPE_EMPTY)
    extend(draft, (rules,), {rules.processor_id: event.tokens}, event.register_version)
    return None


def take_ack(draft: Draft, event: TaskAcked) -> Verdictless:
    ack = event.ack
    task = draft.tasks.get(ack.task_id)
    if task is None:
        return Rejected("unknown_task", "the saga has no such task")
    refused = nonsense(draft, task, ack)
    if refused is not None:
        return refused
    kept_promise = (
        task.status is TaskStatus.ACCEPTED and ack.attempt == task.answered and ack.outcome is not Outcome.ACCEPTED
    )
    if ack.attempt <= task.answered and not kept_promise:
        return Ignored("this attempt or a later one was answered; an answer counts once")
    what = happening(ack)
    if what in _NEGATIVE and ack.attempt < task.attempt:
        return Ignored("a newer attempt is on its way and will tell")
    return _on_task(draft, task, what, event)


def take_task_event(draft: Draft, event: TaskEvent) -> Verdictless:
    """Timers and people: something about one task."""
    task_id = event.ack.task_id if isinstance(event, TaskAcked) else event.task_id
    task = draft.tasks.get(task_id)
    if task is None:
        return Rejected("unknown_task", "the saga has no such task: look its tasks up")
    return _on_task(draft, task, _HAPPENING[type(event)], event)


def _on_task(draft: Draft, task: Task, what: Happening, event: TaskEvent) -> Verdictless:
    beside = draft.saga.beside
    row = (task_rows() if beside is None or beside.ended is None else ending_rows())[(task.status, what)]
    if isinstance(row, TaskIgnore):
        return Ignored(row.reason)
    if isinstance(row, TaskReject):
        return Rejected(row.code, f"{task.name}: {row.detail}")
    answer = row.act(draft, task, event)
    if answer is None and draft.tasks[task.id].status not in row.targets:
        raise IllegalTransition(f"{task.name}: {task.status} → {draft.tasks[task.id].status} by {what.name}")
    return answer


def ring(draft: Draft, event: AlarmDue) -> Verdictless:
    """A rung of the ladder, once. It changes no task: a deadline is no reason to skip anything."""
    saga = draft.saga
    if saga.answered_at is not None or event.rung != saga.alarm:
        return Ignored("rung already, or the person was answered")
    rung = LADDER[event.rung]
    draft.fields["alarm"] = saga.alarm + 1
    if rung.code is not None:
        draft.resolve_alerts(Code.DEADLINE_NEAR, Code.DEADLINE_PASSED, Code.DEADLINE_MISSED)
        draft.alert(rung.code)
    return None


def forget(draft: Draft, event: RetentionOver) -> Verdictless:
    """What is kept is the record without identifiers; the vault's data key and the subject tokens go."""
    if draft.saga.shredded_at is not None:
        return Ignored("shredded already")
    draft.fields["shredded_at"] = event.at
    for task in list(draft.tasks.values()):
        if task.tokens:
            draft.put(task, tokens=())
    draft.commands.append(ShredVault())
    return None
