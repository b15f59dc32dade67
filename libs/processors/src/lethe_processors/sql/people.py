"""People found for a change that erases nothing: whose rows are whose, and with whom a person has to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.models import Failure
from lethe_events.words import FailureKind, Grade, Outcome
from lethe_processors.connector import Answer
from lethe_processors.sql.dangling import find_dangling
from lethe_processors.sql.decide import rows_of_two_people
from lethe_processors.sql.walk import walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from lethe_postgres import Tx
    from lethe_processors.sql.plan import Plan
    from lethe_processors.sql.tally import Tally
    from lethe_processors.sql.walk import Walked


async def find(
    tx: Tx, plan: Plan, people: Sequence[Mapping[str, tuple[str, ...]]], *, lock: bool
) -> tuple[Walked, dict[int, Answer]]:
    """Every row of these people by its key, and the answers for those who cannot be told from others."""
    walked = await walk(tx, plan, people, {}, lock=lock)
    await find_dangling(tx, walked)
    answers = dict.fromkeys(walked.ambiguous, needs_person("ambiguous_identity"))
    answers |= dict.fromkeys(rows_of_two_people(walked) - set(answers), needs_person("row_of_two_people"))
    if answers:
        walked.forget(set(answers))
    return walked, answers


def changed(tally: Tally | None, task_id: UUID, key: bytes | None) -> Answer:
    """The answer for somebody of whom these rows are now as was asked."""
    if tally is None or not tally.counts():
        return Answer(Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)
    evidence = tally.evidence(task_id, key)
    return Answer(Outcome.DONE, Grade.CONFIRMED_BY_API, counts=tally.counts(), evidence=evidence)


def needs_person(code: str) -> Answer:
    return Answer(Outcome.NEEDS_PERSON, failure=Failure(kind=FailureKind.PERMANENT, code=code))
