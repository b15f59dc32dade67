"""The shapes of the API, with the words that its document shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from lethe_events.models import Article, Code
from lethe_events.words import SagaState
from orchestrator.domain.words import TaskStatus


class SagaQuery(BaseModel):
    """Which sagas to list."""

    model_config = ConfigDict(extra="forbid")
    state: SagaState | None = Field(default=None, description="Only in this state; left out: every open one")
    controller: str | None = Field(default=None, max_length=64, description="Only of this one of your controllers")
    processor: str | None = Field(default=None, max_length=64, description="Only with something to do for it")
    due_before: AwareDatetime | None = Field(default=None, description="Only with a strict date before this")
    incident: bool = Field(default=False, description="Only with an open incident")
    after: str | None = Field(default=None, max_length=100, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class IncidentQuery(BaseModel):
    """Which open incidents to list."""

    model_config = ConfigDict(extra="forbid")
    controller: str | None = Field(default=None, max_length=64)
    code: str | None = Field(default=None, max_length=64)
    processor: str | None = Field(default=None, max_length=64)
    after: str | None = Field(default=None, max_length=100, description="`next` of the page before")
    limit: int = Field(default=100, ge=1, le=500)


class SagaRow(BaseModel):
    """One line of the list. Alarms go by `due_strict`, lateness is judged by `due_legal`; both in UTC."""

    dsr_id: UUID
    controller_id: str
    right: str
    export_first: bool
    state: SagaState
    received_at: datetime
    due_strict: datetime
    due_legal: datetime
    answered_at: datetime | None = Field(description="When the person could be answered")
    closed_at: datetime | None
    result: str | None
    tasks: int
    settled: int
    open_incidents: int
    waiting_for: list[str] = Field(description="Processors that have not settled what they were asked")


class SagaPage(BaseModel):
    items: list[SagaRow]
    next: str | None = Field(description="What to give as `after` for the next page")


class ShownTask(BaseModel):
    """One task. `next_step` says what to do about `code`."""

    model_config = ConfigDict(extra="allow")
    task_id: UUID
    name: str = Field(examples=["erase@shop#1"])
    processor_id: str
    verb: str
    round: int = Field(description="How often it was made anew because verification found data left")
    status: TaskStatus
    attempt: int = Field(description="How often it was asked")
    after: list[UUID] = Field(description="Tasks that have to be settled first")
    due_at: datetime | None = Field(description="The next technical moment: overdue, retry or look, by the status")
    expected_by: datetime | None = Field(description="What an asynchronous vendor promised")
    settled_at: datetime | None
    register_version: str
    code: str | None = Field(description="Why a person has to look")
    next_step: str | None
    outcome: str | None
    grade: str | None = Field(description="What the answer is worth as evidence")
    answered_at: datetime | None
    answer: dict[str, Any] | None


class ShownIncident(BaseModel):
    incident_id: UUID
    dsr_id: UUID | None
    controller_id: str | None
    processor_id: str | None
    task_id: UUID | None
    code: str
    detail: str
    next_step: str | None
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


class Saga(BaseModel):
    """All about one saga. `verdicts`: what each processor in scope owes."""

    model_config = ConfigDict(extra="allow")
    dsr_id: UUID
    controller_id: str
    subject_ref: UUID
    right: str
    export_first: bool
    state: SagaState
    version: int
    register_version: str | None
    received_at: datetime
    accepted_at: datetime
    due_strict: datetime
    due_legal: datetime
    clock: dict[str, Any] = Field(description="Rule, version, calendar, zone and steps that gave the dates")
    next_alarm_at: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    shredded_at: datetime | None
    letters: list[dict[str, Any]] = Field(default=[], description="What became of letters to the person")
    extending: dict[str, Any] | None = Field(default=None, description="A notice of extension that is on its way")
    clock_changes: list[dict[str, Any]] = Field(default=[], description="What changed the dates, who and why")
    escalations: list[dict[str, Any]] = Field(default=[], description="Rungs that rang: whom they called, and when")
    reopened: list[dict[str, Any]] = Field(default=[], description="Why and where it went on after it had closed")
    asked: dict[str, Any] | None = Field(default=None, description="What the request names: purposes, categories")
    deciding: dict[str, Any] | None = Field(default=None, description="A decision that waits for a second person")
    decision: dict[str, Any] | None = Field(default=None, description="What was decided, why, and by whom")
    may_decide: list[str] = Field(default=[], description="What a person may decide now")
    restriction: dict[str, Any] | None = Field(default=None, description="Since when data is restricted, and where")
    may_lift: bool = Field(default=False, description="Whether a person may lift the restriction now")
    taken_back: dict[str, Any] | None = Field(default=None, description="Taken back while data was restricted")
    not_concerned: list[dict[str, Any]] = Field(default=[], description="Where the right reaches nothing, and why")
    holds: list[dict[str, Any]] = Field(default=[], description="Legal holds: matter, scope, people, when in force")
    identified: dict[str, Any] | None = Field(default=None, description="How a doubt about who asks was settled")
    refusing: dict[str, Any] | None = Field(default=None, description="A refusal that waits for a second person")
    refusal: dict[str, Any] | None = Field(default=None, description="Ground, reason and both people")
    remedies: dict[str, Any] | None = Field(default=None, description="Authority and court, where anything is refused")
    ended: dict[str, Any] | None = Field(default=None, description="How the request ended before it was carried out")
    result: str | None
    retained: list[dict[str, Any]]
    settled: int
    open_incidents: int
    verdicts: dict[str, str]
    tasks: list[ShownTask]
    incidents: list[ShownIncident]
    timeline: list[dict[str, Any]]
    certificate_sha256: str | None


class Link(BaseModel):
    """`hash`: SHA-256 (hex) over the hash before, a line feed and the canonical JSON of `content`."""

    seq: int
    hash: str
    content: dict[str, Any]


class AuditChain(BaseModel):
    dsr_id: UUID
    links: list[Link]


class IncidentPage(BaseModel):
    items: list[ShownIncident]
    next: str | None


class NewException(BaseModel):
    """`article` left out: that of the ground. `reason` is a code of the controller's own, never free text."""

    model_config = ConfigDict(extra="forbid")
    ground: Code = Field(examples=["legal_claims"])
    article: Article | None = Field(default=None, examples=["GDPR Art. 17(3)(e)"])
    reason: Code = Field(examples=["litigation_2026_17"])


class Acted(BaseModel):
    dsr_id: UUID
    state: SagaState
    version: int
    task_id: UUID
    status: TaskStatus
    attempt: int


class RegisterEntry(BaseModel):
    processor: str
    name: str
    role: str
    controllers: list[str]
    connector: str = Field(description="How it is reached: sql, http or kafka")
    verbs: list[str]
    after: list[str]
    verification: str = Field(description="required, or the ground on which it is excepted")


class Register(BaseModel):
    version: str
    register_id: int = Field(description="Grows with each version that comes into force")
    loaded_at: datetime
    loaded_by: str
    is_new: bool = Field(default=False, description="After loading: whether this call brought it into force")
    processors: list[RegisterEntry]


class Key(BaseModel):
    key_id: str
    alg: str
    public_pem: str
    first_used_at: datetime


class Keys(BaseModel):
    keys: list[Key]


class ShownSeal(BaseModel):
    """The signature is over the canonical JSON of {seal, at, chains, root, previous}."""

    seal: int
    at: datetime
    chains: int
    root: str
    previous: str
    key_id: str
    signature: str


class Seals(BaseModel):
    items: list[ShownSeal]
    next: int | None = Field(description="What to give as `before` for older ones")


class Inclusion(BaseModel):
    """That link `seq` of the saga's chain is under a seal: leaf `index` of `chains`, `path` from the leaf up."""

    dsr_id: UUID
    seq: int
    head: str
    index: int
    path: list[str]
    seal: ShownSeal


class ParkedGroup(BaseModel):
    topic: str
    code: str
    waiting: int


class ParkedPage(BaseModel):
    items: list[ParkedGroup]
