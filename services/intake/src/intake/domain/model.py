"""What intake knows: who may ask for whom, what was asked, what was promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from intake.domain.asked import PLAIN, Particulars

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from intake.domain.corrections import Scalar
    from lethe_events.words import Channel, Right


@dataclass(frozen=True, slots=True)
class Controller:
    """Who decides about the data. `country` is that of its establishment: its calendar and zone set the deadline.

    `regime` is the law it is under where that is not the data-protection law of the country.
    """

    controller_id: str
    name: str
    country: str
    contact: str
    regime: str | None = None
    repeats: str = "accept"
    """What is done with a request that repeats an open one: `accept` it, or `attach` it to that one."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A request that passed every check. `identifiers`: kind → normalised values, at least one in all."""

    controller_id: str
    right: Right
    export_first: bool
    identifiers: Mapping[str, tuple[str, ...]] = field(repr=False)
    channel: Channel
    received_at: datetime
    country: str
    regime: str
    identity: str
    note: str | None = field(repr=False)
    doubt: str | None
    """Why it is in doubt who asks; a code."""
    mandate: str | None
    stated_received_at: datetime | None
    """As the caller sent it; None when the time of acceptance was taken. The fingerprint is over this one."""
    particulars: Particulars = PLAIN
    """What is asked beside the right."""
    corrections: Mapping[str, Scalar] = field(default_factory=dict, repr=False)
    """Place → the value it should have."""
    language: str | None = None
    """In which the person is written to; None: the controller's."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last moment to answer (Art. 12(3)), in UTC; `due_date` is the legal day where the controller is.

    Alarms go by `due_strict`; lateness is judged by `due_legal`.
    """

    due_strict: datetime
    due_legal: datetime
    due_date: date
    rule: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request on its way into the store. `key` and `fingerprint` are keyed hashes, no values."""

    dsr_id: UUID
    subject_ref: UUID
    key: bytes
    fingerprint: bytes
    submission: Submission
    accepted_at: datetime
    deadline: Deadline
    traceparent: str | None
    parent_id: UUID | None = None
    """The request for several people that it is part of."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the caller was told, the first time and every time the same request is sent again."""

    dsr_id: UUID
    fingerprint: bytes
    deadline: Deadline
    replayed: bool = False
    repeats: UUID | None = None
    """The one of the same person and right that was open already."""
    attached: bool = False
    """`dsr_id` is that one; nothing new was stored."""
