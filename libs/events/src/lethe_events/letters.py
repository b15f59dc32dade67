"""Letters to data subjects: what they have to tell, and what became of them. No words, no addresses.

The orchestrator knows the facts and asks; intake, which may open what is sealed, writes and sends.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from lethe_events.models import Article, Category, Code, CountryCode, Instant, Message, Part, Reference, Sha256
from lethe_events.words import Right


class LetterState(StrEnum):
    """What became of a letter."""

    SENT = "sent"  # the recipient's server has accepted it
    FAILED = "failed"  # it was not sent, and will not be by itself
    BOUNCED = "bounced"  # accepted first, and then not delivered


class LetterReason(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Why something was not done (Art. 12(4)). Of one category, of all that a processor holds, or of the whole."""

    ground: Code
    article: Article
    category: Category | None = None
    processor_id: Code | None = None
    until: Instant | None = None


class LetterRequested(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A letter is to be written and sent, once. Asked again, it has the same `letter_id` and is sent no second time."""

    TYPE: ClassVar[str] = "lethe.letter.requested.v1"
    letter_id: UUID
    dsr_id: UUID
    subject_ref: UUID
    controller_id: Code
    kind: Code
    right: Right
    country: CountryCode
    regime: Code = "gdpr"
    received_at: Instant
    at: Instant
    """When that happened which it tells of."""
    not_after: Instant | None = None
    """Sent later it would not be true, or not valid any more: then it is not sent."""
    register_version: Sha256 | None = None
    first_due: Instant | None = None
    new_due: Instant | None = None
    because: tuple[Code, ...] = ()
    """Why, by the controller's codes: an extension (Art. 12(3)), or what a person decided."""
    reasons: tuple[LetterReason, ...] = ()
    """What was not done, and why."""
    processors: tuple[Code, ...] = ()
    """Where it was done; for access: where data was found."""
    pending: tuple[Code, ...] = ()
    """Where it was promised and is not done yet."""
    pending_until: Instant | None = None
    told: tuple[Code, ...] = ()
    """Recipients that were told (Art. 19)."""
    categories: tuple[Category, ...] = ()
    purposes: tuple[Code, ...] = ()
    point: Code | None = None
    """Restriction: the point of Art. 18(1)."""
    marketing: bool = False
    decision: Reference | None = None
    """Review: of which automated decision (Art. 22(3))."""
    changed: bool = False
    """Review: the decision was changed."""
    authority: CountryCode | None = None
    """Left out: that of `country`."""
    package_until: Instant | None = None
    """There is a package to be fetched until then."""
    earlier_at: Instant | None = None
    """Of the letter that it follows up."""


class LetterReported(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a letter; at most once per state. A failed letter changes nothing of what was decided."""

    TYPE: ClassVar[str] = "lethe.letter.reported.v1"
    letter_id: UUID
    dsr_id: UUID
    controller_id: Code
    kind: Code
    state: LetterState
    at: Instant
    """When it was accepted, or was given up."""
    language: Code | None = None
    sha256: Sha256 | None = None
    """Of the message as it was handed over."""
    reason: Code | None = None
    """Why it failed."""
