"""`decide(saga, event)`: what follows from an event.

Pure and total: it raises only where the code contradicts its own tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_events.words import SagaState, Verb
from orchestrator.domain.clock import ALERTS
from orchestrator.domain.closing import SAID_AS, STATE_OF, place, standing
from orchestrator.domain.courses import onward, stage_of
from orchestrator.domain.decision import Decision, Disposition, Ignored, Rejected, TellStatus
from orchestrator.domain.draft import Draft
from orchestrator.domain.ending_acts import answers_owed
from orchestrator.domain.errors import IllegalTransition
from orchestrator.domain.events import DsrReceived
from orchestrator.domain.places import ABSENT
from orchestrator.domain.saga import SIMPLE
from orchestrator.domain.saga_acts import new_saga
from orchestrator.domain.tables import Ignore, Reject, Row, rows
from orchestrator.domain.withheld_acts import resume_withheld
from orchestrator.domain.words import IN_DOUBT, Standing

if TYPE_CHECKING:
    from uuid import UUID

    from orchestrator.domain.beside import Beside
    from orchestrator.domain.events import Event
    from orchestrator.domain.saga import Saga
    from orchestrator.domain.words import State


def decide(saga: Saga | None, event: Event) -> Decision:
    """The next saga, what to ask and tell, which incidents open or end. `saga` is None before DsrReceived."""
    where = ABSENT if saga is None else saga.state if saga.beside is None else place(saga)
    row = rows()[(where, type(event))]
    if isinstance(row, Ignore):
        return Decision(Disposition.IGNORED, saga, detail=row.reason)
    if isinstance(row, Reject):
        return Decision(Disposition.REJECTED, saga, code=row.code, detail=row.detail)
    before = new_saga(event) if saga is None and isinstance(event, DsrReceived) else saga
    assert before is not None, "only DsrReceived has a row where there is no saga"
    draft = Draft(before, event.at)
    answer = row.act(draft, event)
    if type(answer) is Ignored:
        return Decision(Disposition.IGNORED, saga, detail=answer.reason)
    if type(answer) is Rejected:
        return Decision(Disposition.REJECTED, saga, code=answer.code, detail=answer.detail)
    return _settled(draft, row, event)


def _settled(draft: Draft, row: Row, event: Event) -> Decision:
    before = draft.saga
    over = before.state is SagaState.CLOSED and "closed_at" not in draft.fields
    target: State = SagaState.CLOSED if over else STATE_OF[_owed(draft)]
    article = row.articles.get(target)
    if article is None:
        raise IllegalTransition(f"{place(before)} → {target} by {type(event).__name__}")
    if target is SagaState.FULFILLING and before.right not in SIMPLE:  # whose articles stand in the tables
        article = stage_of(before.right, draft.fields.get("beside", before.beside)).article
    state = target if isinstance(target, SagaState) else SAID_AS[target]
    if state in (SagaState.ANSWERED, SagaState.CLOSED) and before.state is not state:
        _conclude(draft, state)
    saga = replace(before, **draft.fields, state=state, tasks=draft.tasks, version=before.version + 1)
    if _worth_telling(draft, saga):
        draft.commands.append(TellStatus())
    return Decision(
        Disposition.APPLIED,
        saga,
        tuple(draft.commands),
        tuple(draft.opened),
        tuple(draft.resolved),
        tuple(draft.changed),
        article,
    )


def _owed(draft: Draft) -> Standing:
    """Ask for what waits for nothing any more, and see what then is owed."""
    before = draft.saga
    beside: Beside | None = draft.fields.get("beside", before.beside)
    if beside is not None and beside.ended is not None:
        return Standing.ANSWERS_OWED if answers_owed(draft.tasks.values()) else Standing.NOTHING_OWED
    if before.identity == IN_DOUBT and (beside is None or beside.identified is None):
        return Standing.IDENTITY_OWED
    if beside is not None and beside.withheld:
        resume_withheld(draft)
    draft.release()
    found = standing(before.right, before.needs_package, draft.tasks)
    if beside is None or beside.asked is None or not (before.register_version or "register_version" in draft.fields):
        return found
    return onward(before.right, beside, draft.tasks.values(), found)


def _conclude(draft: Draft, state: SagaState) -> None:
    """The person can be answered; the alarms of the deadline end. Closing ends every alert."""
    if draft.saga.answered_at is None:
        draft.fields["answered_at"] = draft.at
    draft.resolve_alerts(*ALERTS)
    if state is SagaState.CLOSED:
        draft.fields["closed_at"] = draft.at
        draft.resolve_alerts()


def _worth_telling(draft: Draft, saga: Saga) -> bool:
    """Planned, answered, closed, an incident, the package: not every acknowledgement."""
    if draft.tell or draft.opened or draft.resolved:
        return True
    if saga.state is not draft.saga.state and saga.state in (SagaState.ANSWERED, SagaState.CLOSED):
        return True
    return any(_package_settled(draft, saga, task_id) for task_id in draft.changed)


def _package_settled(draft: Draft, saga: Saga, task_id: UUID) -> bool:
    task = saga.tasks[task_id]
    if task.verb is not Verb.PACKAGE or not task.good:
        return False
    before = draft.saga.tasks.get(task_id)
    return before is None or not before.good
