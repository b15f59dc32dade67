"""What a look at a processor may say, and with which credential it may be taken.

Verification proves an erasure only if it could not have caused it: it reads with a credential that cannot write, and
an answer that is not about absence is not believed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from export_worker.domain.errors import WrongCredential
from lethe_events.words import Outcome
from lethe_processors.connector import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

_ABOUT_ABSENCE = frozenset(
    {Outcome.NOTHING_FOUND, Outcome.RETAINED, Outcome.RESIDUAL, Outcome.ACCEPTED, Outcome.FAILED, Outcome.NEEDS_PERSON}
)
_ABOUT_DATA = frozenset({Outcome.DONE, Outcome.NOTHING_FOUND, Outcome.ACCEPTED, Outcome.FAILED, Outcome.NEEDS_PERSON})


def judge_look(answer: Answer) -> Answer:
    """The answer of a verification that may be told on.

    A look changes nothing, so it is never `done`; and what the law keeps has to be named, or it counts as still there.
    """
    if answer.outcome not in _ABOUT_ABSENCE:
        return Answer.permanent("answer_not_about_absence")
    if fault := _incomplete(answer):
        return Answer.permanent(fault)
    if answer.outcome is Outcome.RETAINED and not any(kept.rows for kept in answer.retained):
        return Answer.permanent("retained_without_ground")
    if answer.outcome is Outcome.NOTHING_FOUND and any(count.rows for count in answer.counts):
        return Answer(Outcome.RESIDUAL, answer.grade, answer.counts, evidence=answer.evidence)
    return answer


def judge_export(answer: Answer, *, delivered: bool) -> Answer:
    """The answer of an export that may be told on: reading neither keeps nor leaves anything.

    `delivered`: whether any record, or word of one left out, came along. `done` without is nothing found; the
    reverse is a contradiction that a person has to look at.
    """
    if answer.outcome not in _ABOUT_DATA:
        return Answer.permanent("answer_not_about_data")
    if fault := _incomplete(answer):
        return Answer.permanent(fault)
    if answer.outcome is Outcome.DONE and not delivered:
        return replace(answer, outcome=Outcome.NOTHING_FOUND, counts=())
    if answer.outcome is Outcome.NOTHING_FOUND and delivered:
        return Answer.permanent("answer_contradicts_records")
    return answer


def _incomplete(answer: Answer) -> str | None:
    """What an answer lacks to be of use, as a code."""
    if answer.outcome is Outcome.ACCEPTED and answer.expected_by is None:
        return "accepted_without_date"  # nobody would know when to look
    if answer.outcome is Outcome.FAILED and answer.failure is None:
        return "failed_without_reason"
    return None


def refuse_writing_credential(read: str, write: str, resolve: Callable[[str], str | None]) -> None:
    """Raise WrongCredential if `read` could write: the same reference, the same secret, or the same database role.

    `resolve` gives the secret behind a reference, or None where this process has no such secret, which is as it
    should be for `write`.
    """
    if read == write:
        raise WrongCredential("read_credential_writes", "read and write name the same credential: give reading its own")
    mine, other = resolve(read), resolve(write)
    if mine is None or other is None:
        return
    if mine == other or _role(mine) == _role(other):
        raise WrongCredential(
            "read_credential_writes",
            f"{read} opens the same role as {write}: give reading a role of its own that can only read",
        )


def _role(secret: str) -> tuple[str | None, ...]:
    """Who a database address logs in as, and where; other secrets are only equal to themselves."""
    parts = urlsplit(secret)
    if not parts.scheme or not parts.username:
        return (secret,)
    return parts.username, parts.hostname, str(parts.port or ""), parts.path
