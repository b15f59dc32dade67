"""What a hold of the whole controller does to one request, when it begins to cover it and when it is lifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator.domain.beside import Beside, Reopening
from orchestrator.domain.decision import Ignored, Verdictless
from orchestrator.domain.saga import MAY_ERASE
from orchestrator.domain.withheld_acts import freed
from orchestrator.domain.words import TaskStatus

if TYPE_CHECKING:
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.hold_events import HoldImposed, HoldReleased

LIFTED = "hold_lifted"


def impose(draft: Draft, event: HoldImposed) -> Verdictless:
    """What is not asked yet is not asked any more, or is asked around what is held."""
    if draft.saga.right not in MAY_ERASE:
        return Ignored("this request erases nothing")
    beside = draft.saga.beside or Beside()
    if any(h.id == event.hold.id for h in beside.holds):
        return Ignored("this hold is on the request already")
    draft.fields["beside"] = replace(beside, holds=(*beside.holds, event.hold))
    draft.tell = True
    return None


def release(draft: Draft, event: HoldReleased) -> Verdictless:
    """What it stopped is asked by itself; what was erased around it gets another round, after closing too."""
    beside = draft.saga.beside
    hold = None if beside is None else next((h for h in beside.holds if h.id == event.hold_id), None)
    if beside is None or hold is None or not hold.in_force:
        return Ignored("this hold is not on the request, or no longer")
    lifted = replace(hold, lifting_by=event.proposed_by, lifted_by=event.by, until=event.at)
    holds = tuple(lifted if h.id == hold.id else h for h in beside.holds)
    beside = draft.fields["beside"] = replace(beside, holds=holds)
    if draft.saga.closed_at is not None:
        _reopen(draft, beside, event)
        return None
    if beside.ended is not None:
        return None
    draft.tell = True
    for task in list(draft.tasks.values()):
        if task.status is TaskStatus.ON_HOLD and not draft.held(task):
            draft.issue(task)
    return None


def _reopen(draft: Draft, beside: Beside, event: HoldReleased) -> None:
    """Only where something was erased around it, and the identifiers to find it by are still there."""
    if beside.ended is not None or draft.saga.shredded_at is not None:
        return
    waiting = freed(beside, draft.tasks.values(), draft)
    if waiting:
        processors = tuple(sorted(t.processor_id for t in waiting))
        reopened = (*beside.reopened, Reopening(event.at, LIFTED, processors))
        draft.fields |= {"beside": replace(beside, reopened=reopened), "closed_at": None}
        draft.tell = True
