"""What each letter is filled with: one frozen type per kind.

All texts that are given here (categories, purposes, reasons, measures) are in the language of the letter already.
Instants are aware and in the zone in which they are to be read. Nothing here is looked up: `authority`, recipients
and reasons are facts that the caller has.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

from lethe_letters.errors import IncompleteLetter

if TYPE_CHECKING:
    from datetime import date, datetime

    from lethe_letters.facts import (
        Activity,
        Authority,
        AutomatedDecision,
        Copy,
        Reason,
        Recipient,
        Sender,
        Told,
        Transmission,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What every letter has. `reference`: the opaque number under which the person can ask about it."""

    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Lists that must not be empty."""

    sender: Sender
    reference: str
    written_on: date
    addressee: str | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            blank = (isinstance(value, str) and not value.strip()) or (item.name in self.needs and not value)
            if blank or (isinstance(value, tuple) and any(isinstance(v, str) and not v.strip() for v in value)):
                raise IncompleteLetter(f"the letter {self.kind!r} needs {item.name!r}, and it is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(Letter):
    kind = "acknowledgement"
    needs = ("rights",)
    rights: tuple[str, ...]
    received_on: date
    answer_by: date


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCheck(Letter):
    kind = "identity_check"
    needs = ("rights",)
    rights: tuple[str, ...]
    doubt: str
    """Why there is a reasonable doubt (Art. 12(6)): without one, nothing may be asked."""
    code: str
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Clarification(Letter):
    kind = "clarification"
    needs = ("rights", "questions")
    rights: tuple[str, ...]
    received_on: date
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension(Letter):
    kind = "extension"
    needs = ("rights", "reasons")
    rights: tuple[str, ...]
    received_on: date
    first_due: date
    new_due: date
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAnswer(Letter):
    kind = "access_answer"
    needs = ("activities",)
    activities: tuple[Activity, ...]
    authority: Authority
    recipients: tuple[Recipient, ...] = ()
    sources: tuple[str, ...] = ()
    """Where data came from that was not collected from the person (Art. 15(1)(g))."""
    automated: tuple[AutomatedDecision, ...] = ()
    copy: Copy | None = None
    """None: the copy is enclosed with the letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingHeld(Letter):
    kind = "nothing_held"
    needs = ("rights",)
    rights: tuple[str, ...]
    searched_on: date
    authority: Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class Portability(Letter):
    kind = "portability"
    copy: Copy
    sent: Transmission | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectified(Letter):
    kind = "rectified"
    needs = ("changes",)
    changes: tuple[str, ...]
    """What was corrected or completed, by the name of the field: never the values."""
    done_on: date
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased(Letter):
    """`pending`: what processors have promised to erase, by `pending_until` where they said so."""

    kind = "erased"
    categories: tuple[str, ...]
    done_on: date
    pending: tuple[str, ...] = ()
    pending_until: date | None = None
    recipients: tuple[str, ...] = ()
    suppression: bool = False
    """A minimal entry is kept so that the person is not contacted again."""
    backups_until: date | None = None

    def __post_init__(self) -> None:
        super(Erased, self).__post_init__()
        if not (self.categories or self.pending):
            raise IncompleteLetter("the letter 'erased' needs 'categories' or 'pending', and both are empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restricted(Letter):
    kind = "restricted"
    needs = ("categories",)
    categories: tuple[str, ...]
    since: date
    point: str
    """The point of Art. 18(1): `a` to `d`."""
    recipients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super(Restricted, self).__post_init__()
        if self.point not in {"a", "b", "c", "d"}:
            raise IncompleteLetter("the letter 'restricted' needs 'point': one of a, b, c, d of Art. 18(1)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionLifting(Letter):
    kind = "restriction_lifting"
    needs = ("categories",)
    categories: tuple[str, ...]
    lifted_on: date
    reason: str
    authority: Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionUpheld(Letter):
    kind = "objection_upheld"
    needs = ("purposes",)
    purposes: tuple[str, ...]
    stopped_on: date
    marketing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionPending(Letter):
    kind = "objection_pending"
    needs = ("purposes",)
    purposes: tuple[str, ...]
    restricted_since: date
    decided_by: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Letter):
    kind = "consent_withdrawn"
    needs = ("purposes",)
    purposes: tuple[str, ...]
    withdrawn_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomatedReview(Letter):
    kind = "automated_review"
    needs = ("reasons",)
    decision: str
    decided_on: date
    changed: bool
    reasons: tuple[str, ...]
    authority: Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class PartiallyGranted(Letter):
    kind = "partially_granted"
    needs = ("rights", "granted", "reasons")
    rights: tuple[str, ...]
    granted: tuple[str, ...]
    reasons: tuple[Reason, ...]
    authority: Authority
    recipients: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    pending_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Letter):
    kind = "refused"
    needs = ("rights", "reasons")
    rights: tuple[str, ...]
    reasons: tuple[Reason, ...]
    authority: Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Letter):
    kind = "withdrawn"
    needs = ("rights",)
    rights: tuple[str, ...]
    withdrawn_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientsTold(Letter):
    kind = "recipients_told"
    needs = ("recipients",)
    rights: tuple[str, ...]
    """What they were told of: rectification, erasure or restriction."""
    recipients: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptErased(Letter):
    kind = "kept_erased"
    needs = ("categories",)
    categories: tuple[str, ...]
    told_on: date
    """The date of the letter that said that this part is kept."""
    erased_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach(Letter):
    """What Art. 34(2) asks for. `nature` is one or more whole sentences."""

    needs = ("categories", "consequences", "measures")
    nature: str
    categories: tuple[str, ...]
    discovered_on: date
    consequences: tuple[str, ...]
    measures: tuple[str, ...]
    advice: tuple[str, ...] = ()
    """What the person can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachToSubject(Breach):
    kind = "breach_to_subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachPublic(Breach):
    kind = "breach_public"
    affected: str
    """Who has to think of themselves: "everybody who had an account before May 2026"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachToController(Breach):
    """From a processor. `subjects`, `records`: approximate numbers, None while they are not known."""

    kind = "breach_to_controller"
    controller: str
    aware_at: datetime
    affected: str
    """Categories of data subjects."""
    subjects: int | None = None
    records: int | None = None
