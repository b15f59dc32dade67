"""Every message that crosses the bus. No field can hold free text, so that none can hold personal data.

A model is frozen and tolerates unknown fields (a newer writer may add some). A field is never renamed,
retyped or given another meaning: that is a new version of the type, with an upcaster (`upcast.py`).

A message is checked when it is written and when it is read (`envelope.encode`, `decode`), not when it is built:
what is built from somebody else's values is checked by `checked`.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from lethe_events.errors import Malformed
from lethe_events.words import (
    Channel,
    FailureKind,
    Grade,
    Method,
    Outcome,
    Result,
    Right,
    SagaState,
    SubjectEventKind,
    Verb,
)

WHOLE = "(?![\\s\\S])"
"""What `$` means in JSON Schema, said so that Python's `re`, whose `$` overlooks a last line feed, means it too."""


class Pattern:
    """The same pattern for pydantic models of others that use these types; pydantic asks for it by this method."""

    def __init__(self, pattern: str, max_length: int | None = None) -> None:
        self._more = {"pattern": pattern} | ({} if max_length is None else {"max_length": max_length})

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return {**handler(source), **self._more}


_CODE = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
Code = Annotated[str, Meta(pattern=_CODE + WHOLE), Pattern(_CODE)]
"""A name that a person of the deployer chose for a thing: a processor, a controller, an error."""
_COLLECTION = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
Collection = Annotated[str, Meta(pattern=_COLLECTION + WHOLE), Pattern(_COLLECTION)]
"""A table, document collection or resource of a processor, as its dataset names it."""
_REFERENCE = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"
Reference = Annotated[str, Meta(pattern=_REFERENCE + WHOLE), Pattern(_REFERENCE)]  # of the controller; names no person
_CATEGORY = r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+){0,7}$"
Category = Annotated[str, Meta(pattern=_CATEGORY + WHOLE, max_length=128), Pattern(_CATEGORY, 128)]
"""A fideslang data category, whole segments, for example `user.contact.email`."""
_COUNTRY = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
CountryCode = Annotated[str, Meta(pattern=_COUNTRY + WHOLE), Pattern(_COUNTRY)]
_ARTICLE = r"^[A-Za-z0-9 .,()/:§-]{1,80}$"
Article = Annotated[str, Meta(pattern=_ARTICLE + WHOLE), Pattern(_ARTICLE)]
"""A citation, for example `GDPR Art. 17(3)(b)`."""
_SHA256 = r"^[0-9a-f]{64}$"
Sha256 = Annotated[str, Meta(pattern=_SHA256 + WHOLE), Pattern(_SHA256)]
Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22,64}$" + WHOLE)]
"""A subject token: base64url of HMAC-SHA-256 of a normalised identifier under a key of one processor."""
Signature = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{86}$" + WHOLE)]
Instant = Annotated[datetime, Meta(tz=True)]
Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Base of everything inside a message."""


class Count(Part, frozen=True, kw_only=True, omit_defaults=True):
    """How many rows of one collection were treated in one way."""

    collection: Collection
    method: Method
    rows: Natural


class Retained(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Rows that the law keeps: which, by which ground, until when (null: until the ground itself ends)."""

    collection: Collection
    category: Category
    rows: Natural
    ground: Code
    article: Article
    until: Instant | None = None


class Evidence(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A hash over what was seen, so that the evidence itself can be produced and compared later."""

    kind: Code
    sha256: Sha256


class ExportPart(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Where an exported part lies, sealed; its contents never travel on the bus."""

    document_id: UUID
    sha256: Sha256
    size: Natural
    records: Natural
    masked: Natural = 0


class PartOf(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A part that a package has to hold."""

    task_id: UUID
    processor_id: Code
    part: ExportPart | None = None


class Refusal(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Why a whole request was refused (Art. 12(4)); `authority` left out: that of the request's country."""

    ground: Code
    article: Article
    reason: Code
    authority: CountryCode | None = None


class Failure(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Why a task failed, as a code that the processor's documentation explains."""

    kind: FailureKind
    code: Code


class Absent(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A processor at which an erasure was verified: somebody looked again at `at`, and found nothing.

    `erased`: rows had been there; otherwise it never held any.
    """

    processor_id: Code
    at: Instant
    erased: bool = False


class Message(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every message. `TYPE` is the CloudEvents type, stable and independent of the class name."""

    TYPE: ClassVar[str]


class DsrReceived(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Intake accepted a DSR. Identifiers are sealed in the vault; only their kinds are told."""

    TYPE: ClassVar[str] = "lethe.dsr.received.v1"
    dsr_id: UUID
    subject_ref: UUID
    controller_id: Code
    right: Right
    export_first: bool = False
    """Access was asked together with erasure: the export is delivered before anything is erased."""
    received_at: Instant
    accepted_at: Instant
    channel: Channel
    country: CountryCode
    regime: Code = "gdpr"
    identity: Code
    """How the controller knew who asked, for example `controller_session`."""
    identifier_kinds: tuple[Code, ...]
    purposes: tuple[Code, ...] = ()
    """Objection and consent withdrawal: for what the data must no longer be processed."""
    direct_marketing: bool = False
    """An objection that needs no grounds and no weighing (Art. 21(2), (3))."""
    categories: tuple[Category, ...] = ()
    """Rectification and restriction: what is contested. The corrections themselves are sealed."""
    ground: Code | None = None
    """Restriction: which case of Art. 18(1), a `RestrictionGround`."""
    contested: bool = False
    """Rectification: the person also contests that what is held is accurate (Art. 18(1)(a)): restrict it meanwhile."""
    decision: Reference | None = None
    """Which automated decision to review (Art. 22(3))."""
    transmit_to: Code | None = None
    """Portability: also send the copy to this controller (Art. 20(2)), as the deployment's list of targets names it."""
    parent_id: UUID | None = None
    """The request for several people, or the combined one, that this is a part of."""


class DsrIdentityVerified(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The person who asked is who they say, as far as was needed (Art. 12(6))."""

    TYPE: ClassVar[str] = "lethe.dsr.identity-verified.v1"
    dsr_id: UUID
    controller_id: Code
    method: Code
    at: Instant


class DsrWithdrawn(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The person who asked takes the request back. What was done stays done, and is told."""

    TYPE: ClassVar[str] = "lethe.dsr.withdrawn.v1"
    dsr_id: UUID
    controller_id: Code
    at: Instant


class TaskRequested(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One processor is asked to do one thing for one saga. Asking again is safe."""

    TYPE: ClassVar[str] = "lethe.task.requested.v1"
    task_id: UUID
    dsr_id: UUID
    subject_ref: UUID
    controller_id: Code
    processor_id: Code
    right: Right
    verb: Verb
    round: Positive = 1
    attempt: Positive = 1
    register_version: Sha256
    due_at: Instant
    """The strict legal date of the saga: the oldest is worked first."""
    subject_tokens: tuple[Token, ...] = ()
    """Only for Kafka-native processors; tokens of two processors cannot be linked."""
    verifies: UUID | None = None
    """For verify: the task whose effect is looked at."""
    parts: tuple[PartOf, ...] = ()
    """For package: what has to be in it."""
    purposes: tuple[Code, ...] = ()
    """For suppress: the purposes that end; for restrict: those that may go on (Art. 18(2))."""
    withheld: tuple[Category, ...] = ()
    """For erase: categories that must stay for now, because a legal hold is on them."""


class TaskAcknowledged(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A processor's answer. Several answers to one attempt count once."""

    TYPE: ClassVar[str] = "lethe.task.acknowledged.v1"
    task_id: UUID
    dsr_id: UUID
    controller_id: Code
    processor_id: Code
    verb: Verb
    attempt: Positive
    outcome: Outcome
    grade: Grade = Grade.ATTESTED
    at: Instant
    counts: tuple[Count, ...] = ()
    retained: tuple[Retained, ...] = ()
    expected_by: Instant | None = None
    failure: Failure | None = None
    part: ExportPart | None = None
    evidence: tuple[Evidence, ...] = ()
    register_version: Sha256 | None = None
    """Version of the register that the worker used, where it differs from the task's."""


class DsrStatus(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Where a saga stands, for those who show it. `version` grows; an older one is ignored."""

    TYPE: ClassVar[str] = "lethe.dsr.status.v1"
    dsr_id: UUID
    controller_id: Code
    version: Positive
    state: SagaState
    at: Instant
    due_strict: Instant
    due_legal: Instant
    tasks: Natural = 0
    settled: Natural = 0
    open_incidents: Natural = 0
    result: Result | None = None
    retained: tuple[Retained, ...] = ()
    package: ExportPart | None = None
    certificate_sha256: Sha256 | None = None
    refusal: Refusal | None = None
    absent: tuple[Absent, ...] = ()
    """Of an erasure that is answered or closed: where it was verified, and when."""


class SubjectObserved(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A product service created, changed or lost data of a person, named by its subject token."""

    TYPE: ClassVar[str] = "lethe.subject.observed.v1"
    processor_id: Code
    controller_id: Code
    subject_token: Token
    kind: SubjectEventKind
    categories: tuple[Category, ...] = ()
    at: Instant


AnyPart = TypeVar("AnyPart", bound=Part)


def checked(part: AnyPart) -> AnyPart:
    """The same, as its reader will have it. Raises Malformed, naming the field and never its value."""
    return read(type(part), msgspec.json.encode(part))


def read(kind: type[AnyPart], data: bytes) -> AnyPart:
    """A part from JSON. Raises Malformed, naming the field and never its value."""
    try:
        found: AnyPart = _decoder(kind).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("schema", f"{kind.__name__}: {_without_values(str(error))}") from None
    return found


def to_json(part: Part) -> bytes:
    """JSON text in the order of the fields, without those that have their default."""
    return _ENCODER.encode(part)


def to_canonical(part: Part) -> bytes:
    """The same in the form of `canonical`: members sorted."""
    return _SORTED.encode(part)


def to_python(part: Part) -> dict[str, Any]:
    """The same as a dict of JSON values."""
    found: dict[str, Any] = msgspec.to_builtins(part)
    return found


def from_python(kind: type[AnyPart], value: object) -> AnyPart:
    """From a dict of JSON values. Raises Malformed, naming the field and never its value."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Malformed("schema", f"{kind.__name__}: {_without_values(str(error))}") from None


@cache
def _decoder(kind: type[Part]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


_ENCODER = msgspec.json.Encoder()
_SORTED = msgspec.json.Encoder(order="sorted")


def _without_values(text: str) -> str:
    """Texts name what was expected and where; the one that quotes a value is said in other words."""
    if text.startswith("Invalid enum value"):
        return f"a word that this version does not know, at {text.rsplit(' - at ', 1)[-1]}"
    return text.replace(WHOLE, "")[:400]
