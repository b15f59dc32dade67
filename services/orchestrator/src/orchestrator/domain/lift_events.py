"""How a restriction ends (Art. 18(3)), as events: announced to the data subject, and lifted when that is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime


class LiftAnnounced(Struct, frozen=True):
    """A person wants the restriction lifted: the data subject is written to first.

    `days`: between the letter and the lifting, by the controller's policy. `reason` is a code.
    """

    at: datetime
    days: int
    reason: str
    by: str


class LiftCalledOff(Struct, frozen=True):
    """A person keeps the restriction after all: what the data subject answered may well be the reason."""

    at: datetime
    reason: str
    by: str


class LiftDue(Struct, frozen=True):
    """The days have passed since the letter went out."""

    at: datetime
    due_at: datetime


class LiftOrdered(Struct, frozen=True):
    """A person ends the restriction, and says when the data subject was told of it (Art. 18(3)).

    `told_at` None: the letter could not be delivered; `reason` says why it is lifted all the same.
    """

    at: datetime
    told_at: datetime | None
    reason: str
    by: str
