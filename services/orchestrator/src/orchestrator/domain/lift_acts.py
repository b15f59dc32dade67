"""The end of a restriction: announced by a letter, lifted when there is proof that it went out. GDPR Art. 18(3).

What the letter said is never overtaken: nothing is lifted before the day that it names, nor fewer days after it went
out than the policy wants. A letter that comes back takes the announcement back; then a person decides.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator.domain.beside import Beside
from orchestrator.domain.courses import restricted
from orchestrator.domain.decided import Announcing, Lifting
from orchestrator.domain.decision import Ignored, Rejected, Verdictless
from orchestrator.domain.letter_acts import LIFTING, letter_id
from orchestrator.domain.plan import go_on
from orchestrator.domain.words import Code

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.domain.draft import Draft
    from orchestrator.domain.lift_events import LiftAnnounced, LiftCalledOff, LiftDue, LiftOrdered
    from orchestrator.domain.saga import Saga


def announcing(saga: Saga) -> Announcing | None:
    return None if saga.beside is None else saga.beside.announcing


def lifts_at(saga: Saga) -> datetime | None:
    """When a restriction is lifted by itself; None while nothing says that the data subject was told."""
    announced = announcing(saga)
    if announced is None or announced.told_at is None:
        return None
    return max(announced.named, announced.told_at + timedelta(days=announced.days))


def announce(draft: Draft, event: LiftAnnounced) -> Verdictless:
    """The letter is ordered. After one that could not be delivered it may be tried again."""
    saga = draft.saga
    beside = saga.beside or Beside()
    earlier = beside.announcing
    if earlier is not None and not earlier.failed:
        return Rejected("announced", "it is announced already: wait for its day, or call it off")
    number = beside.announcements + 1
    made = Announcing(
        letter_id=letter_id(saga, LIFTING, number),
        days=event.days,
        reason=event.reason,
        by=event.by,
        asked_at=event.at,
        named=event.at + timedelta(days=event.days),
    )
    draft.fields["beside"] = replace(beside, announcing=made, announcements=number)
    draft.tell = True
    return None


def call_off(draft: Draft, _: LiftCalledOff) -> Verdictless:
    beside = draft.saga.beside
    if beside is None or beside.announcing is None:
        return Rejected("not_announced", "no lifting is announced: there is nothing to call off")
    draft.fields["beside"] = replace(beside, announcing=None)
    draft.tell = True
    return None


def come_due(draft: Draft, event: LiftDue) -> Verdictless:
    due_at = lifts_at(draft.saga)
    announced = announcing(draft.saga)
    if announced is None or due_at is None or event.at < due_at:
        return Ignored("the moment was moved, or it was called off; the timer raced")
    _lift(draft, Lifting(event.at, announced.told_at, announced.reason, announced.by))
    return None


def lift(draft: Draft, event: LiftOrdered) -> Verdictless:
    """By a person's word that the data subject was told; without, only after a letter that could not be delivered."""
    announced = announcing(draft.saga)
    if announced is not None and not announced.failed:
        return Rejected("announced", "it is announced and lifted by itself: call that off to lift it in another way")
    if event.told_at is None:
        if announced is None:
            return Rejected("not_told", "announce it first, or say when the data subject was told")
        _lift(draft, Lifting(event.at, None, event.reason, event.by, announced.failed))
        return None
    since = min((t.settled_at for t in draft.tasks.values() if restricted(t) and t.settled_at), default=draft.at)
    if not since <= event.told_at <= event.at:
        return Rejected("not_told", "the data subject is told while it is restricted, and before it is lifted")
    _lift(draft, Lifting(event.at, event.told_at, event.reason, event.by))
    return None


def _lift(draft: Draft, lifting: Lifting) -> None:
    beside = draft.saga.beside or Beside()
    draft.fields["beside"] = replace(beside, lifting=lifting, announcing=None)
    draft.resolve_alerts(Code.LIFT_WANTED)
    draft.tell = True
    go_on(draft)
