"""What a request beside access and erasure asks for, and what people decided about it, as values.

They are stored and recorded as JSON; a member is never renamed. No field holds free text.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from uuid import UUID  # noqa: TC003 - as above

from msgspec import Struct


class Asked(Struct, frozen=True, omit_defaults=True):
    """What the request names, as intake told it. `decision`: the controller's number of an automated decision."""

    purposes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    direct_marketing: bool = False
    contested: bool = False
    ground: str | None = None
    decision: str | None = None


class Deciding(Struct, frozen=True, omit_defaults=True):
    """A decision against the person that waits for a second one. `reasons` are codes."""

    outcome: str
    ground: str
    article: str
    reasons: tuple[str, ...]
    by: str
    at: datetime


class PersonsDecision(Struct, frozen=True, omit_defaults=True):
    """What a person decided. `upheld`: for the data subject. `approved_by`: the second person, where a "no" is said."""

    outcome: str
    upheld: bool
    article: str
    reasons: tuple[str, ...]
    decided_by: str
    at: datetime
    approved_by: str | None = None
    ground: str | None = None


class Announcing(Struct, frozen=True, omit_defaults=True):
    """The lifting of a restriction, announced by a letter. `named`: the day that it names; `days`: the policy's least.

    `told_at`: when the letter went out; `failed`: why it could not be delivered.
    """

    letter_id: UUID
    days: int
    reason: str
    by: str
    asked_at: datetime
    named: datetime
    told_at: datetime | None = None
    failed: str | None = None


class Lifting(Struct, frozen=True, omit_defaults=True):
    """A person ended the restriction. `told_at`: when the data subject was told, which comes before (Art. 18(3)).

    `untold`: why the data subject could not be told, where a person lifted it all the same.
    """

    at: datetime
    told_at: datetime | None
    reason: str
    by: str
    untold: str | None = None


class TakenBack(Struct, frozen=True, omit_defaults=True):
    """The data subject took a request back that had restricted something: what is left of it is the lifting."""

    at: datetime
    said_at: datetime
    by: str | None = None
