"""The letters of every right beside access and erasure: what was done, decided, or taken back. Facts only.

What a vendor has only promised is told when it is done, in a second letter. GDPR Art. 7(3), 12(3), 12(4), 16, 18-22.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lethe_events import LetterReason
from lethe_events.words import PACKAGE_PROCESSOR, Outcome, RestrictionGround, Right, Verb
from orchestrator.domain.closing import LAWFUL_END, heads, verdicts
from orchestrator.domain.courses import Case, case_of, restricted
from orchestrator.domain.letter_acts import LIFTING
from orchestrator.domain.letter_facts import OVER, did, done_at, letter, not_done, packages
from orchestrator.domain.terms import purposes_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from lethe_events import LetterRequested
    from orchestrator.domain.decided import PersonsDecision, TakenBack
    from orchestrator.domain.saga import Saga, Task

_ANSWERED_BY: Mapping[Case, tuple[str, frozenset[Verb]]] = {
    Case.RECTIFICATION: ("rectified", frozenset({Verb.RECTIFY})),
    Case.CONTESTED: ("rectified", frozenset({Verb.RECTIFY})),
    Case.RESTRICTION: ("restricted", frozenset({Verb.RESTRICT})),
    Case.MARKETING: ("objection_upheld", frozenset({Verb.SUPPRESS})),
    Case.OBJECTION: ("objection_upheld", frozenset({Verb.SUPPRESS})),
    Case.CONSENT: ("consent_withdrawn", frozenset({Verb.SUPPRESS, Verb.ERASE})),
}
"""Case → the letter that tells that it was done, and by what it is done."""
_AT_ONCE = frozenset({Right.PORTABILITY, Right.AUTOMATED_DECISION})
"""No vendor can promise anything here."""
_POINTS = {ground.value: point for ground, point in zip(RestrictionGround, "abcd", strict=True)}


def letters_by_right(before: Saga, saga: Saga, at: datetime, retention: timedelta) -> tuple[LetterRequested, ...]:
    """What has to be written because `before` became `saga`; nothing after the person took the request back."""
    taken = _taken_back(saga)
    if taken is not None:
        return () if _taken_back(before) is not None else (letter(saga, "withdrawn", taken.said_at),)
    if saga.answered_at is None:
        return ()
    if before.answered_at is None:
        return _answer(saga, at, retention)
    if saga.right in _AT_ONCE or _lifting(saga):
        return ()
    kept_word = _promises_kept(saga)
    return _done(saga, at, 2, kept_word) if kept_word and not _promises_kept(before) else ()


def lifting(saga: Saga, at: datetime) -> LetterRequested:
    """Art. 18(3). Sent on the day that it names, or after it, it would announce nothing."""
    beside = saga.beside
    assert beside is not None, "it is announced"
    assert beside.announcing is not None, "it is announced"
    announced = beside.announcing
    return letter(
        saga,
        LIFTING,
        at,
        beside.announcements,
        processors=tuple(sorted({t.processor_id for t in saga.tasks.values() if restricted(t)})),
        categories=() if beside.asked is None else beside.asked.categories,
        because=(announced.reason,),
        new_due=announced.named,
        not_after=at + timedelta(days=max(announced.days, 1)),
    )


def _taken_back(saga: Saga) -> TakenBack | None:
    return None if saga.beside is None else saga.beside.taken_back


def _lifting(saga: Saga) -> bool:
    return saga.beside is not None and saga.beside.lifting is not None


def _answer(saga: Saga, at: datetime, retention: timedelta) -> tuple[LetterRequested, ...]:
    if saga.right is Right.PORTABILITY:
        return _portability(saga, at, retention)
    decision = None if saga.beside is None else saga.beside.decision
    if saga.right is Right.AUTOMATED_DECISION:
        return () if decision is None else (_review(saga, at, decision),)
    if decision is not None and not decision.upheld:
        return (_rejected(saga, at, decision),)
    return _done(saga, at, 1, _done_by(saga))


def _portability(saga: Saga, at: datetime, retention: timedelta) -> tuple[LetterRequested, ...]:
    reasons, found = not_done(saga), done_at(saga, Verb.EXPORT)
    if not found:
        return (letter(saga, "refused", at, reasons=reasons) if reasons else letter(saga, "nothing_held", at),)
    number = max(packages(saga), 1)
    copy = letter(saga, "portability", at, number, processors=found, package_until=at + retention)
    if not reasons:
        return (copy,)
    return (copy, letter(saga, "partially_granted", at, processors=found, reasons=reasons))


def _review(saga: Saga, at: datetime, decision: PersonsDecision) -> LetterRequested:
    asked = None if saga.beside is None else saga.beside.asked
    number = None if asked is None else asked.decision
    return letter(saga, "automated_review", at, because=decision.reasons, decision=number, changed=decision.upheld)


def _rejected(saga: Saga, at: datetime, decision: PersonsDecision) -> LetterRequested:
    assert decision.ground is not None, "nothing is rejected without a ground"
    reasons = (LetterReason(ground=decision.ground, article=decision.article),)
    return letter(saga, "refused", at, reasons=reasons, because=decision.reasons)


def _done(saga: Saga, at: datetime, number: int, processors: tuple[str, ...]) -> tuple[LetterRequested, ...]:
    """Nothing while all of it is only promised: there is nothing yet that could be told as done."""
    reasons = not_done(saga)
    if not processors and any(_promised(saga).values()):
        return ()
    if reasons:
        kind = "partially_granted" if processors else "refused"
        return (letter(saga, kind, at, number, processors=processors, reasons=reasons),)
    if not processors:
        return (letter(saga, "nothing_held", at, number),)
    case = case_of(saga.right, saga.beside)
    return (
        letter(saga, _ANSWERED_BY[case][0], at, number, processors=processors, **_particulars(saga, case, processors)),
    )


def _particulars(saga: Saga, case: Case, processors: tuple[str, ...]) -> dict[str, Any]:
    asked = None if saga.beside is None else saga.beside.asked
    if case in (Case.MARKETING, Case.OBJECTION, Case.CONSENT):
        return {"purposes": _purposes(saga, case, processors), "marketing": case is Case.MARKETING}
    more: dict[str, Any] = {"categories": () if asked is None else asked.categories}
    if case is Case.RESTRICTION and asked is not None and asked.ground is not None:
        more["point"] = _POINTS.get(asked.ground)
    return more


def _purposes(saga: Saga, case: Case, processors: tuple[str, ...]) -> tuple[str, ...]:
    """Those that ended there, no wider: what was named may also rest on a basis that this right does not reach."""
    newest, ended = _heads(saga, case), set[str]()
    for processor_id in processors:
        task = newest[processor_id]
        erased = task.verb is Verb.ERASE
        ended.update((use for use, _ in task.rules.purposes) if erased else purposes_of(saga, task))
    return tuple(sorted(ended))


def _heads(saga: Saga, case: Case) -> dict[str, Task]:
    """Processor → the newest task there that carries this case out."""
    verbs = _ANSWERED_BY[case][1]
    found: dict[str, Task] = {}
    for processor_id, newest in heads(saga.tasks).items():
        tasks = [newest[verb] for verb in verbs if verb in newest]
        if tasks and processor_id != PACKAGE_PROCESSOR:
            found[processor_id] = max(tasks, key=lambda t: t.round)
    return found


def _done_by(saga: Saga) -> tuple[str, ...]:
    """Where it was done and seen, or nobody can look; a promise that was seen to be kept counts."""
    owed = verdicts(saga.right, saga.needs_package, saga.tasks)
    return tuple(
        sorted(
            p
            for p, task in _heads(saga, case_of(saga.right, saga.beside)).items()
            if owed.get(p) in OVER and (did(task) or _by_promise(task))
        )
    )


def _by_promise(task: Task) -> bool:
    return task.expected_by is not None and task.answer is not None and task.answer.outcome is Outcome.ACCEPTED


def _promised(saga: Saga) -> dict[str, bool]:
    """Processor that ever promised → whether it is still open."""
    owed = verdicts(saga.right, saga.needs_package, saga.tasks)
    tasks = _heads(saga, case_of(saga.right, saga.beside))
    return {p: owed.get(p) not in LAWFUL_END for p, task in tasks.items() if task.expected_by is not None}


def _promises_kept(saga: Saga) -> tuple[str, ...]:
    """Where all that was promised is done; nothing while any promise is open."""
    promised = _promised(saga)
    return () if any(promised.values()) else tuple(p for p in _done_by(saga) if p in promised)
