"""Every message that crosses the bus. No field can hold free text, so that none can hold personal data.

A model is frozen and tolerates unknown fields (a newer writer may add some). A field is never renamed,
retyped or given another meaning: that is a new version of the type, with an upcaster (`upcast.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

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

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
"""A name that a person of the deployer chose for a thing: a processor, a controller, an error."""
Collection = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
"""A table, document collection or resource of a processor, as its dataset names it."""
Category = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+){0,7}$", max_length=128)]
"""A fideslang data category, whole segments, for example `user.contact.email`."""
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Article = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 .,()/:§-]{1,80}$")]
"""A citation, for example `GDPR Art. 17(3)(b)`."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22,64}$")]
"""A subject token: base64url of HMAC-SHA-256 of a normalised identifier under a key of one processor."""
Instant = AwareDatetime


class Part(BaseModel):
    """Base of everything inside a message."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Count(Part):
    """How many rows of one collection were treated in one way."""

    collection: Collection
    method: Method
    rows: Annotated[int, Field(ge=0)]


class Retained(Part):
    """Rows that the law keeps: which, by which ground, until when (null: until the ground itself ends)."""

    collection: Collection
    category: Category
    rows: Annotated[int, Field(ge=0)]
    ground: Code
    article: Article
    until: datetime | None = None


class Evidence(Part):
    """A hash over what was seen, so that the evidence itself can be produced and compared later."""

    kind: Code
    sha256: Sha256


class ExportPart(Part):
    """Where an exported part lies, sealed; its contents never travel on the bus."""

    document_id: UUID
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    records: Annotated[int, Field(ge=0)]
    masked: Annotated[int, Field(ge=0)] = 0


class PartOf(Part):
    """A part that a package has to hold."""

    task_id: UUID
    processor_id: Code
    part: ExportPart | None = None


class Failure(Part):
    """Why a task failed, as a code that the processor's documentation explains."""

    kind: FailureKind
    code: Code


class Message(Part):
    """Base of every message. `TYPE` is the CloudEvents type, stable and independent of the class name."""

    TYPE: ClassVar[str]


class DsrReceived(Message):
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


class TaskRequested(Message):
    """One processor is asked to do one thing for one saga. Asking again is safe."""

    TYPE: ClassVar[str] = "lethe.task.requested.v1"
    task_id: UUID
    dsr_id: UUID
    subject_ref: UUID
    controller_id: Code
    processor_id: Code
    right: Right
    verb: Verb
    round: Annotated[int, Field(ge=1)] = 1
    attempt: Annotated[int, Field(ge=1)] = 1
    register_version: Sha256
    due_at: Instant
    """The strict legal date of the saga: the oldest is worked first."""
    subject_tokens: tuple[Token, ...] = ()
    """Only for Kafka-native processors; tokens of two processors cannot be linked."""
    verifies: UUID | None = None
    """For verify: the task whose effect is looked at."""
    parts: tuple[PartOf, ...] = ()
    """For package: what has to be in it."""


class TaskAcknowledged(Message):
    """A processor's answer. Several answers to one attempt count once."""

    TYPE: ClassVar[str] = "lethe.task.acknowledged.v1"
    task_id: UUID
    dsr_id: UUID
    controller_id: Code
    processor_id: Code
    verb: Verb
    attempt: Annotated[int, Field(ge=1)]
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


class DsrStatus(Message):
    """Where a saga stands, for those who show it. `version` grows; an older one is ignored."""

    TYPE: ClassVar[str] = "lethe.dsr.status.v1"
    dsr_id: UUID
    controller_id: Code
    version: Annotated[int, Field(ge=1)]
    state: SagaState
    at: Instant
    due_strict: Instant
    due_legal: Instant
    tasks: Annotated[int, Field(ge=0)] = 0
    settled: Annotated[int, Field(ge=0)] = 0
    open_incidents: Annotated[int, Field(ge=0)] = 0
    result: Result | None = None
    retained: tuple[Retained, ...] = ()
    package: ExportPart | None = None
    certificate_sha256: Sha256 | None = None


class AuditSealed(Message):
    """A signed root over the heads of all audit chains, published so that rewriting the store shows."""

    TYPE: ClassVar[str] = "lethe.audit.sealed.v1"
    seal: Annotated[int, Field(ge=1)]
    at: Instant
    chains: Annotated[int, Field(ge=0)]
    root: Sha256
    previous: Sha256
    key_id: Code
    signature: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{86}$")]


class SubjectObserved(Message):
    """A product service created, changed or lost data of a person, named by its subject token."""

    TYPE: ClassVar[str] = "lethe.subject.observed.v1"
    processor_id: Code
    controller_id: Code
    subject_token: Token
    kind: SubjectEventKind
    categories: tuple[Category, ...] = ()
    at: Instant


MESSAGES: dict[str, type[Message]] = {
    m.TYPE: m for m in (DsrReceived, TaskRequested, TaskAcknowledged, DsrStatus, AuditSealed, SubjectObserved)
}
