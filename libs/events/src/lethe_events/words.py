"""The words of the contract. A value is stable on the wire for ever; a new meaning gets a new value."""

from __future__ import annotations

from enum import StrEnum


class Right(StrEnum):
    """A right of the data subject, by its article of the GDPR."""

    ACCESS = "access"  # Art. 15
    ERASURE = "erasure"  # Art. 17
    PORTABILITY = "portability"  # Art. 20
    RECTIFICATION = "rectification"  # Art. 16
    RESTRICTION = "restriction"  # Art. 18
    OBJECTION = "objection"  # Art. 21
    CONSENT_WITHDRAWAL = "consent_withdrawal"  # Art. 7(3)
    AUTOMATED_DECISION = "automated_decision"  # Art. 22


class RestrictionGround(StrEnum):
    """Why processing is to be restricted, by the points of Art. 18(1)."""

    ACCURACY_CONTESTED = "accuracy_contested"  # (a)
    UNLAWFUL = "unlawful"  # (b): the person wants it kept instead of erased
    LEGAL_CLAIMS = "legal_claims"  # (c): the person needs it
    OBJECTION_PENDING = "objection_pending"  # (d)


class Verb(StrEnum):
    """What one processor is asked to do in one saga."""

    EXPORT = "export"
    ERASE = "erase"
    VERIFY = "verify"  # look again, by another path than the one that changed the data
    RECTIFY = "rectify"  # the corrections are sealed; redeem them
    RESTRICT = "restrict"  # keep, and keep away from ordinary use (Art. 18, 4(3))
    LIFT = "lift"  # end a restriction
    SUPPRESS = "suppress"  # stop processing for the purposes named (Art. 21, 7(3))
    PACKAGE = "package"  # put the exported parts together; always addressed to PACKAGE_PROCESSOR


class Outcome(StrEnum):
    """A processor's answer to a task."""

    DONE = "done"
    NOTHING_FOUND = "nothing_found"  # for verify: absence was seen
    RETAINED = "retained"  # done, except for rows that the law keeps (Art. 17(3)); `retained` names them
    ACCEPTED = "accepted"  # asynchronous vendor; look again at `expected_by`
    RESIDUAL = "residual"  # verify only: data that should be gone is still there
    FAILED = "failed"
    NEEDS_PERSON = "needs_person"


class Grade(StrEnum):
    """Evidence behind an acknowledgement, weakest first."""

    ATTESTED = "attested"
    CONFIRMED_BY_API = "confirmed_by_api"
    REREAD_ABSENT = "reread_absent"
    CRYPTO_SHREDDED = "crypto_shredded"


class FailureKind(StrEnum):
    """Whether the same task may succeed when it is asked again."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"


class Method(StrEnum):
    """What was done to a row or field. Four different acts, never one word for all."""

    ERASED = "erased"
    NULLED = "nulled"
    PSEUDONYMISED = "pseudonymised"
    RETAINED = "retained"
    EXPORTED = "exported"
    MASKED = "masked"  # left out of an export because it concerns somebody else (Art. 15(4))
    FOUND = "found"  # seen by verify
    RECTIFIED = "rectified"
    RESTRICTED = "restricted"
    LIFTED = "lifted"
    SUPPRESSED = "suppressed"


class Channel(StrEnum):
    """How the request reached the controller."""

    API = "api"
    WEB_FORM = "web_form"
    EMAIL = "email"
    PHONE = "phone"
    LETTER = "letter"
    IN_PERSON = "in_person"


class SagaState(StrEnum):
    """States of a saga, as persisted and as told to others."""

    RECEIVED = "received"
    IDENTITY = "identity"  # who asks is in doubt, with a reason (Art. 12(6))
    DECIDING = "deciding"  # a person has to decide: compelling grounds, fee or refusal, an automated decision
    FULFILLING = "fulfilling"
    VERIFYING = "verifying"
    ANSWERED = "answered"
    CLOSED = "closed"


class Result(StrEnum):
    """What the data subject is told at the end."""

    GRANTED = "granted"
    PARTIALLY_GRANTED = "partially_granted"
    NOTHING_FOUND = "nothing_found"
    REFUSED = "refused"  # Art. 12(4), 12(5), with the reasons, the authority and the remedy
    WITHDRAWN = "withdrawn"


class SubjectEventKind(StrEnum):
    """What a product service saw happen to a person's data."""

    CREATED = "created"
    UPDATED = "updated"
    ERASED = "erased"
    RESTORED = "restored"


class Reporter(StrEnum):
    """Who reports what may be a personal data breach."""

    PERSON = "person"
    PROCESSOR = "processor"  # Art. 33(2)
    MONITORING = "monitoring"


class BreachKind(StrEnum):
    """What was broken (Art. 4(12))."""

    CONFIDENTIALITY = "confidentiality"
    INTEGRITY = "integrity"
    AVAILABILITY = "availability"


PACKAGE_PROCESSOR = "lethe-package"
"""Reserved processor id: the export package is put together by Lethe itself."""
