"""Whether a request repeats another, and what about that a person should look at (Art. 12(5)). Nothing is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_law.rights.dsrs import Earlier, patterns

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from intake.domain.model import Deadline, Submission


@dataclass(frozen=True, slots=True)
class Owner:
    """The request that a person is known by. `over`: closed or taken back. `open_repeats`: others beside it."""

    dsr_id: UUID
    over: bool
    export_first: bool
    identity: str
    deadline: Deadline
    closed_at: datetime | None = None
    open_repeats: int = 0


@dataclass(frozen=True, slots=True)
class Repeat:
    """`of`: the open one that is repeated; None if the earlier ones are over."""

    of: UUID | None
    patterns: tuple[str, ...]
    requests: int


def judge(submission: Submission, owners: Collection[Owner], *, requests: int, at: datetime) -> Repeat:
    """`requests`: how many of this person and right came before."""
    still_open = [owner for owner in owners if not owner.over]
    found = patterns(
        submission.right.value,
        at.date(),
        [Earlier(submission.right.value, o.closed_at.date()) for o in owners if o.closed_at is not None],
        open_of_the_same=sum(1 + owner.open_repeats for owner in still_open),
    )
    of = min((owner.dsr_id for owner in still_open), default=None)
    return Repeat(of, tuple(found), requests + 1)


def may_attach(submission: Submission, owner: Owner) -> bool:
    """Whether the open one asks for all that this one asks for, on no less knowledge of who asks."""
    return (
        not owner.over
        and submission.note is None
        and not submission.particulars.said()
        and submission.doubt is None
        and submission.mandate is None
        and submission.identity == owner.identity
        and submission.export_first == owner.export_first
    )
