"""Which items of a batch may be changed together, and which answers of a processor may be told on.

An acknowledgement of this worker ends up in a certificate. So it never says `done` for nothing: either rows were
changed, or an interface that counts nothing confirmed the change with evidence, or an earlier ask went out whose
answer was lost and the person is gone now.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Evidence, Failure
from lethe_events.words import FailureKind, Grade, Method, Outcome
from lethe_processors.connector import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_processors.connector import WorkItem

_EFFECTS = frozenset(
    {
        Method.ERASED,
        Method.NULLED,
        Method.PSEUDONYMISED,
        Method.RECTIFIED,
        Method.RESTRICTED,
        Method.LIFTED,
        Method.SUPPRESSED,
    }
)
_CONFIRMING = frozenset({Grade.CONFIRMED_BY_API, Grade.REREAD_ABSENT, Grade.CRYPTO_SHREDDED})
LOOK_AGAIN_AFTER = timedelta(days=1)
"""When to look whether an asynchronous vendor has erased, if neither it nor the register says."""


def waves(items: Sequence[WorkItem]) -> list[list[int]]:
    """Positions of `items`, so that no two in one wave share an identifier; waves are worked one after the other.

    Two requests of one person in one batch would otherwise both claim the same erased rows.
    """
    after: dict[tuple[str, str], int] = {}
    found: list[list[int]] = []
    for position, item in enumerate(items):
        names = [(kind, value) for kind, values in item.identifiers.items() for value in values]
        wave = max((after.get(name, 0) for name in names), default=0)
        after.update(dict.fromkeys(names, wave + 1))
        if wave == len(found):
            found.append([])
        found[wave].append(position)
    return found


def judge(answer: Answer, *, first_asked_at: datetime | None, now: datetime, lag: timedelta | None) -> Answer:
    """The answer that may be told on.

    `first_asked_at`: when an earlier ask went out to this processor for this task without its answer being recorded;
    None if this was the first. `lag`: how long the register says that this processor takes after it accepted.
    """
    match answer.outcome:
        case Outcome.DONE:
            return _done(answer, first_asked_at)
        case Outcome.NOTHING_FOUND:
            contradicts = _changed(answer)
            return _doubtful("nothing_found_with_effect", answer) if contradicts else _absent(answer, first_asked_at)
        case Outcome.RETAINED:
            named = any(kept.rows for kept in answer.retained)
            return answer if named else _doubtful("retained_without_ground", answer)
        case Outcome.ACCEPTED:
            return replace(answer, expected_by=answer.expected_by or now + (lag or LOOK_AGAIN_AFTER))
        case Outcome.FAILED | Outcome.NEEDS_PERSON | Outcome.RESIDUAL:
            return _failed(answer)


def _failed(answer: Answer) -> Answer:
    if answer.outcome is Outcome.RESIDUAL:
        return Answer.permanent("answer_not_about_erasing")
    if answer.outcome is Outcome.FAILED and answer.failure is None:
        return Answer.permanent("failed_without_reason")
    return answer


def _done(answer: Answer, first_asked_at: datetime | None) -> Answer:
    if _changed(answer) or (answer.grade in _CONFIRMING and answer.evidence):
        return answer
    if answer.counts:
        return _absent(replace(answer, outcome=Outcome.NOTHING_FOUND, counts=()), first_asked_at)
    return _doubtful("done_without_effect", answer)


def _absent(answer: Answer, first_asked_at: datetime | None) -> Answer:
    """Nothing is there. After an ask whose answer was lost that is the trace of its effect, with the weakest grade."""
    if first_asked_at is None:
        return answer
    seen = {"first_asked_at": first_asked_at.isoformat(), "answer": [e.sha256 for e in answer.evidence]}
    lost = Evidence(kind="absent_after_ask", sha256=sha256_hex(canonical(seen)))
    return replace(answer, outcome=Outcome.DONE, grade=Grade.ATTESTED, evidence=(*answer.evidence, lost))


def _changed(answer: Answer) -> bool:
    return any(count.method in _EFFECTS and count.rows for count in answer.counts)


def _doubtful(code: str, answer: Answer) -> Answer:
    """The processor contradicts itself; the same ask would bring the same answer, so a person looks."""
    failure = Failure(kind=FailureKind.PERMANENT, code=code)
    return Answer(Outcome.NEEDS_PERSON, failure=failure, evidence=answer.evidence)


def collided(answer: Answer) -> bool:
    """Whether the processor undid this ask only because another of ours stood in its way: it may be asked at once.

    Two batches whose people share rows can lock them in opposite order; waiting would only slow both down.
    """
    return answer.failure is not None and answer.failure.code in _COLLISIONS


def had_no_effect(answer: Answer) -> bool:
    """Whether this failure proves that the ask changed nothing, so that a later absence is not its trace."""
    return answer.failure is not None and answer.failure.code in _WITHOUT_EFFECT


_COLLISIONS = frozenset({"deadlock", "serialization_failure"})
_WITHOUT_EFFECT = _COLLISIONS | frozenset(
    {
        "credential_missing",
        "database_overloaded",
        "database_read_only",
        "lock_timeout",
        "statement_timeout",
    }
)
"""Codes of the connectors for asks that were undone as a whole or never made. A connection that is lost, or an HTTP
interface that is asked in several steps, is not among them: something may have happened before.
"""
