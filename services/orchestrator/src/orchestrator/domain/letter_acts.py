"""What is recorded about letters. A letter that failed changes nothing of what was decided. GDPR Art. 12(3), 5(2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_events import LetterState
from lethe_events.ids import task_id
from orchestrator.domain.beside import Beside, Extending, LetterProof
from orchestrator.domain.clock_acts import extend, may_extend
from orchestrator.domain.decision import Ignored, Rejected, Verdictless
from orchestrator.domain.events import Extended

if TYPE_CHECKING:
    from uuid import UUID

    from orchestrator.domain.decided import Announcing
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.letter_events import ExtensionAsked, LetterReported
    from orchestrator.domain.saga import Saga

EXTENSION = "extension"
LIFTING = "restriction_lifting"


def letter_id(saga: Saga, kind: str, number: int = 1) -> UUID:
    """The same letter of the same saga has the same id for ever: it is what keeps it from being sent twice."""
    return task_id(saga.id, kind, "letter", number)


def ask_extension(draft: Draft, event: ExtensionAsked) -> Verdictless:
    """The notice is ordered; the clock stands as it is until there is proof that it went out in time."""
    saga = draft.saga
    beside = saga.beside or Beside()
    if beside.extending is not None:
        return Rejected("notice_under_way", "a notice of extension is on its way: wait for what becomes of it")
    refused = may_extend(saga, Extended(event.at, event.further, event.reasons, event.at, event.by, event.clock))
    if refused is not None:
        return refused
    earlier = sum(proof.kind == EXTENSION for proof in beside.letters)
    extending = Extending(
        letter_id=letter_id(saga, EXTENSION, earlier + 1),
        further=event.further,
        reasons=event.reasons,
        by=event.by,
        asked_at=event.at,
        new_due=event.clock.due_legal,
    )
    draft.fields["beside"] = replace(beside, extending=extending)
    return None


def report(draft: Draft, event: LetterReported) -> Verdictless:
    """Keep what became of a letter; a notice of extension that went out in time is what extends."""
    saga = draft.saga
    if event.controller_id != saga.controller_id:
        return Rejected("wrong_controller", "the message names another controller than the saga's")
    beside = saga.beside or Beside()
    known = next((p for p in beside.letters if p.letter_id == event.letter_id), None)
    if known is not None and (known.state == event.state or event.state is not LetterState.BOUNCED):
        return Ignored("it is known what became of this letter")
    extending = beside.extending
    if extending is not None and extending.letter_id == event.letter_id:
        if event.state is LetterState.SENT:
            _extend(draft, event, extending)
        beside = replace(draft.fields.get("beside", beside), extending=None)
    announced = beside.announcing
    if announced is not None and announced.letter_id == event.letter_id:
        beside = replace(beside, announcing=_announced(announced, event))
    proof = LetterProof(
        letter_id=event.letter_id,
        kind=event.kind,
        state=event.state.value,
        at=event.happened_at,
        language=event.language,
        sha256=event.sha256,
        reason=event.reason,
    )
    kept = tuple(p for p in beside.letters if p.letter_id != event.letter_id)
    draft.fields["beside"] = replace(beside, letters=(*kept, proof))
    return None


def _announced(announced: Announcing, event: LetterReported) -> Announcing:
    """What the report makes of an announcement: told, or not told, whatever was reported before."""
    if event.state is LetterState.SENT:
        return replace(announced, told_at=min(event.happened_at, event.at), failed=None)
    return replace(announced, told_at=None, failed=event.reason or event.state.value)


def _extend(draft: Draft, event: LetterReported, extending: Extending) -> None:
    """Where the law does not accept the notice (too late, refused in part meanwhile), the dates stand."""
    if event.clock is None:
        return
    sent_at = min(event.happened_at, event.at)
    extend(draft, Extended(event.at, extending.further, extending.reasons, sent_at, extending.by, event.clock))


def void_extension(saga: Saga, event: LetterReported) -> bool:
    """Whether this was a notice of extension that went out, and that extends nothing."""
    if event.kind != EXTENSION or event.state is not LetterState.SENT:
        return False
    return saga.beside is None or saga.beside.first is None
