"""The refusal of a whole request: a ground of the law, a reason, and two people. GDPR Art. 12(4), 12(5), 17(3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_events.words import Result, Right
from lethe_law import GROUNDS, Effect
from orchestrator.domain.beside import Beside, Ending, Refusal, Refusing
from orchestrator.domain.courses import restricted
from orchestrator.domain.decision import Rejected, Verdictless
from orchestrator.domain.ending_acts import end

if TYPE_CHECKING:
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.events import RefusalApproved, RefusalProposed


_RESTRICTED = Rejected("restricted", "data was restricted already: decide or lift, so that it is not left so for ever")


def may_refuse(ground: str, right: Right) -> bool:
    """Whether a whole request can rest on it. What only leaves something out of a copy, or excuses a proof, cannot."""
    known = GROUNDS.get(ground)
    if known is None:
        return False
    return known.effect is Effect.REFUSE or (known.effect is Effect.RETAIN and right is Right.ERASURE)


def propose(draft: Draft, event: RefusalProposed) -> Verdictless:
    """Nothing stops yet: until somebody else agrees, the request is carried out. A later proposal replaces it."""
    saga = draft.saga
    if saga.answered_at is not None:
        return Rejected("answered", "the person was answered: what was granted cannot be refused")
    if any(map(restricted, saga.tasks.values())):
        return _RESTRICTED
    if not may_refuse(event.ground, saga.right):
        return Rejected("unknown_ground", "no whole request of this right can be refused on this ground")
    refusing = Refusing(event.ground, event.article, event.reason, event.by, event.at, event.authority)
    draft.fields["beside"] = replace(saga.beside or Beside(), refusing=refusing)
    return None


def approve(draft: Draft, event: RefusalApproved) -> Verdictless:
    """No refusal without a second person. From now on the person can be told, with reasons and remedies."""
    beside = draft.saga.beside
    refusing = None if beside is None else beside.refusing
    if refusing is None:
        return Rejected("nothing_proposed", "propose the refusal first; another person then approves it")
    if draft.saga.answered_at is not None:
        return Rejected("answered", "the person was answered: what was granted cannot be refused")
    if any(map(restricted, draft.tasks.values())):
        return _RESTRICTED
    if refusing.by == event.by:
        return Rejected("same_person", "the person who proposed a refusal cannot approve it: ask another one")
    end(draft, Ending(Result.REFUSED, event.at, event.at, event.by))
    refusal = Refusal(
        refusing.ground,
        refusing.article,
        refusing.reason,
        refusing.by,
        event.by,
        event.at,
        refusing.authority,
    )
    draft.fields["beside"] = replace(draft.fields["beside"], refusing=None, refusal=refusal)
    return None
