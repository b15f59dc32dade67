"""Legal holds: what one stops, and how it is placed and lifted by two people. GDPR Art. 17(3)(b), (e), 18(1)(c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_law import GROUNDS, Effect
from orchestrator.domain.beside import Beside, Hold
from orchestrator.domain.decision import Ignored, Rejected, Verdictless
from orchestrator.domain.saga import MAY_ERASE
from orchestrator.domain.words import TaskStatus

if TYPE_CHECKING:
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.events import HoldApproved, HoldLiftProposed, HoldProposed


def may_hold(ground: str) -> bool:
    """Whether data may be kept from erasure on this ground at all."""
    known = GROUNDS.get(ground)
    return known is not None and known.effect is Effect.RETAIN


def propose(draft: Draft, event: HoldProposed) -> Verdictless:
    """It stops nothing yet: another person has to approve it."""
    if draft.saga.right not in MAY_ERASE:
        return Rejected("nothing_to_hold", "a hold keeps data from being erased, and this request erases nothing")
    if not may_hold(event.ground):
        return Rejected("unknown_ground", "no data may be kept from erasure on this ground")
    beside = draft.saga.beside or Beside()
    if any(h.id == event.hold_id for h in beside.holds):
        return Ignored("this hold was proposed already")
    hold = Hold(event.hold_id, event.ground, event.article, event.matter, event.processors, event.by)
    draft.fields["beside"] = replace(beside, holds=(*beside.holds, hold))
    return None


def propose_lift(draft: Draft, event: HoldLiftProposed) -> Verdictless:
    hold = _find(draft, event.hold_id)
    if hold is None or not hold.in_force:
        return Rejected("not_in_force", "there is no such hold in force")
    if hold.standing:
        return Rejected("standing", "this hold is the controller's and not this request's: lift it there")
    _put(draft, replace(hold, lifting_by=event.by))
    return None


def approve(draft: Draft, event: HoldApproved) -> Verdictless:
    """Placing it stops what is not yet asked; lifting it asks by itself for what it had stopped."""
    hold = _find(draft, event.hold_id)
    if hold is None:
        return Rejected("not_found", "there is no such hold")
    proposed_by = hold.placed_by if hold.since is None else hold.lifting_by
    if hold.until is not None or proposed_by is None:
        return Rejected("nothing_proposed", "nothing waits for a second person: propose to lift it first")
    if proposed_by == event.by:
        return Rejected("same_person", "the person who proposed it cannot approve it: ask another one")
    draft.tell = True
    if hold.since is None:
        _put(draft, replace(hold, approved_by=event.by, since=event.at))
        return None
    _put(draft, replace(hold, lifted_by=event.by, until=event.at))
    for task in list(draft.tasks.values()):
        if task.status is TaskStatus.ON_HOLD and not draft.held(task):
            draft.issue(task)
    return None


def _find(draft: Draft, hold_id: object) -> Hold | None:
    beside = draft.saga.beside
    return None if beside is None else next((h for h in beside.holds if h.id == hold_id), None)


def _put(draft: Draft, hold: Hold) -> None:
    beside = draft.saga.beside
    assert beside is not None, "the hold was found in it"
    holds = tuple(hold if h.id == hold.id else h for h in beside.holds)
    draft.fields["beside"] = replace(beside, holds=holds)
