"""Which letter follows from what has happened, and what it has to tell. Facts only; the words are another's.

A saga's letters have fixed ids, so asking again sends nothing twice. GDPR Art. 12(3), 12(4), 15, 17, 19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lethe_events import LetterReason, LetterRequested
from lethe_events.words import Result, Right, Verb
from orchestrator.domain.certificate import kept
from orchestrator.domain.closing import Verdict, result, verdicts
from orchestrator.domain.letter_acts import EXTENSION
from orchestrator.domain.letter_events import ExtensionAsked
from orchestrator.domain.letter_facts import OVER, done_at, letter, not_done, packages
from orchestrator.domain.letters_by_right import letters_by_right, lifting
from orchestrator.domain.lift_events import LiftAnnounced

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from orchestrator.domain.events import Event
    from orchestrator.domain.saga import Saga

_FIRST = frozenset({Right.ACCESS, Right.ERASURE})


def letters(before: Saga | None, saga: Saga, event: Event, retention: timedelta) -> tuple[LetterRequested, ...]:
    """What has to be written because of `event`. `retention`: how long a package can be fetched after the end."""
    if isinstance(event, ExtensionAsked):
        return (_extension(saga, event),)
    if isinstance(event, LiftAnnounced):
        return (lifting(saga, event.at),)
    if _ended(saga) is not None:
        return (_end(saga),) if before is None or _ended(before) is None else ()
    if before is None:
        return ()
    if saga.right not in _FIRST:
        return letters_by_right(before, saga, event.at, retention)
    found: list[LetterRequested] = []
    if saga.export_first and packages(saga) > packages(before):
        found.append(_access(saga, event.at, retention))
    if saga.answered_at is not None and before.answered_at is None:
        found += _answer(saga, event.at, retention)
    elif saga.closed_at is not None and before.closed_at is None:
        found += _closing(saga, event.at)
    return tuple(found)


def _ended(saga: Saga) -> Result | None:
    beside = saga.beside
    return None if beside is None or beside.ended is None else beside.ended.result


def _extension(saga: Saga, event: ExtensionAsked) -> LetterRequested:
    """Sent after the first period it would extend nothing, so it is not sent then."""
    asked = None if saga.beside is None else saga.beside.extending
    assert asked is not None, "the act has put it there"
    number = 1 + (0 if saga.beside is None else sum(p.kind == EXTENSION for p in saga.beside.letters))
    first = saga.clock.due_legal
    more = {"first_due": first, "new_due": asked.new_due, "because": asked.reasons, "not_after": first}
    return letter(saga, EXTENSION, event.at, number, **more)


def _end(saga: Saga) -> LetterRequested:
    beside = saga.beside
    assert beside is not None, "it has ended"
    assert beside.ended is not None, "it has ended"
    refusal = beside.refusal
    if refusal is None:
        return letter(saga, "withdrawn", beside.ended.said_at)
    reasons = (LetterReason(ground=refusal.ground, article=refusal.article),)
    return letter(saga, "refused", beside.ended.at, reasons=reasons, authority=refusal.authority)


def _access(saga: Saga, at: datetime, retention: timedelta) -> LetterRequested:
    """Once per package: one that a newcomer added to is told of again."""
    number = packages(saga)
    searched = done_at(saga, Verb.EXPORT)
    if not searched:
        return letter(saga, "nothing_held", at, number)
    return letter(saga, "access_answer", at, max(number, 1), processors=searched, package_until=at + retention)


def _answer(saga: Saga, at: datetime, retention: timedelta) -> list[LetterRequested]:
    """The answer of Art. 12(3), or of Art. 12(4) where anything was not done."""
    if saga.right is Right.ACCESS:
        found = [_access(saga, at, retention)]
        reasons = not_done(saga)
        return [*found, letter(saga, "refused", at, reasons=reasons)] if reasons else found
    return [_erasure(saga, at)]


def _erasure(saga: Saga, at: datetime) -> LetterRequested:
    owed = verdicts(saga.right, saga.needs_package, saga.tasks)
    acted = tuple(p for p in done_at(saga, Verb.ERASE) if owed.get(p) in OVER)
    pending = tuple(sorted(p for p, v in owed.items() if v is Verdict.ABSENCE_OWED))
    until = max(
        (t.expected_by for t in saga.tasks.values() if t.processor_id in pending and t.expected_by), default=None
    )
    more: dict[str, Any] = {"processors": acted, "pending": pending, "pending_until": until}
    reasons = not_done(saga)
    if reasons:
        kind = "partially_granted" if acted or pending else "refused"
        return letter(saga, kind, at, reasons=reasons, **more)
    if result(saga) is Result.NOTHING_FOUND or not (acted or pending):
        return letter(saga, "nothing_held", at)
    return letter(saga, "erased", at, **more)


def _closing(saga: Saga, at: datetime) -> list[LetterRequested]:
    """What was promised is done now; or what the law had kept was erased when its date came."""
    if saga.right is not Right.ERASURE:
        return []
    reopened = () if saga.beside is None else getattr(saga.beside, "reopened", ())
    if reopened:
        categories = _once_kept(saga, reopened[-1].processors)
        more: dict[str, Any] = {"categories": categories, "processors": reopened[-1].processors}
        return [letter(saga, "kept_erased", at, len(reopened), earlier_at=saga.answered_at, **more)]
    promised = tuple(sorted({t.processor_id for t in saga.tasks.values() if t.expected_by and t.verb is Verb.ERASE}))
    done = tuple(p for p in promised if p in done_at(saga, Verb.ERASE))
    return [letter(saga, "erased", at, 2, processors=done)] if done else []


def _once_kept(saga: Saga, processors: tuple[str, ...]) -> tuple[str, ...]:
    """Categories that these processors kept in the rounds before, and keep no more."""
    still = {(p, row.category) for p, row in kept(saga)}
    found = {
        row.category
        for t in saga.tasks.values()
        if t.processor_id in processors and t.answer is not None
        for row in t.answer.retained
        if (t.processor_id, row.category) not in still
    }
    return tuple(sorted(found))
