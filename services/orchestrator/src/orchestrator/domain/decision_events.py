"""What people decide about a request, as events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime


class DecisionProposed(Struct, frozen=True):
    """A person decides. For the data subject it counts at once; against, another person has to approve it.

    `reasons` are codes; `ground` and `article`: only of a decision against.
    """

    at: datetime
    outcome: str
    reasons: tuple[str, ...]
    by: str
    ground: str | None = None
    article: str | None = None


class DecisionApproved(Struct, frozen=True):
    """Another person approves the decision against the data subject."""

    at: datetime
    by: str
