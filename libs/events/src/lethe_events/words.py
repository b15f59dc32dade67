"""The words of the contract. A value is stable on the wire for ever; a new meaning gets a new value."""

from __future__ import annotations

from enum import StrEnum


class Right(StrEnum):
    """A right of the data subject, by its article of the GDPR."""

    ACCESS = "access"  # Art. 15
    ERASURE = "erasure"  # Art. 17


class Verb(StrEnum):
    """What one processor is asked to do in one saga."""

    EXPORT = "export"
    ERASE = "erase"
    VERIFY = "verify"  # look again, by another path than the one that changed the data
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
    FULFILLING = "fulfilling"
    VERIFYING = "verifying"
    ANSWERED = "answered"
    CLOSED = "closed"


class Result(StrEnum):
    """What the data subject is told at the end."""

    GRANTED = "granted"
    PARTIALLY_GRANTED = "partially_granted"
    NOTHING_FOUND = "nothing_found"


class SubjectEventKind(StrEnum):
    """What a product service saw happen to a person's data."""

    CREATED = "created"
    UPDATED = "updated"
    ERASED = "erased"
    RESTORED = "restored"


PACKAGE_PROCESSOR = "lethe-package"
"""Reserved processor id: the export package is put together by Lethe itself."""
