"""What the orchestrator's API answers. Unknown members are tolerated: a newer service may tell more."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class SagaRow(Answer):
    """One line of the list. Times in UTC; alarms go by `due_strict`, lateness is judged by `due_legal`."""

    dsr_id: UUID
    controller_id: str
    right: str
    export_first: bool = False
    state: str
    received_at: AwareDatetime
    due_strict: AwareDatetime
    due_legal: AwareDatetime
    answered_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    result: str | None = None
    tasks: int = 0
    settled: int = 0
    open_incidents: int = 0
    waiting_for: tuple[str, ...] = ()
    """Processors that have not settled what they were asked."""


class SagaPage(Answer):
    """`next`: what to give as `after` for the next page."""

    items: tuple[SagaRow, ...]
    next: str | None = None


class Task(Answer):
    """What one processor was asked. `code` and `next_step` say why a person has to look, and what to do."""

    task_id: UUID
    processor_id: str
    verb: str
    round: int = 1
    status: str
    attempt: int = 0
    outcome: str | None = None
    grade: str | None = None
    code: str | None = None
    next_step: str | None = None
    due_at: AwareDatetime | None = None
    expected_by: AwareDatetime | None = None
    settled_at: AwareDatetime | None = None
    answered_at: AwareDatetime | None = None


class Incident(Answer):
    """What a person has to look at; `next_step` says what to do."""

    incident_id: UUID
    dsr_id: UUID | None = None
    processor_id: str | None = None
    task_id: UUID | None = None
    code: str
    detail: str = ""
    next_step: str | None = None
    opened_at: AwareDatetime
    resolved_at: AwareDatetime | None = None


class IncidentPage(Answer):
    items: tuple[Incident, ...]
    next: str | None = None


class Saga(Answer):
    """All about one saga. `verdicts`: what each processor in scope owes. `clock`: how its dates came about."""

    dsr_id: UUID
    controller_id: str
    right: str
    export_first: bool = False
    state: str
    received_at: AwareDatetime
    due_strict: AwareDatetime
    due_legal: AwareDatetime
    clock: dict[str, Any] = Field(default_factory=dict)
    answered_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    result: str | None = None
    retained: tuple[dict[str, Any], ...] = ()
    settled: int = 0
    open_incidents: int = 0
    verdicts: dict[str, str] = Field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    incidents: tuple[Incident, ...] = ()
    timeline: tuple[dict[str, Any], ...] = ()
    certificate_sha256: str | None = None
    may_decide: tuple[str, ...] = ()
    """What a person may decide now."""
    deciding: dict[str, Any] | None = None
    decision: dict[str, Any] | None = None
    may_lift: bool = False
    """Whether the restriction may be lifted now, once the person was told."""
    restriction: dict[str, Any] | None = None
    not_concerned: tuple[dict[str, Any], ...] = ()
    """Processors that the right does not reach, each with the reason."""


class Acted(Answer):
    """What an act led to."""

    dsr_id: UUID
    state: str
    task_id: UUID
    status: str
    attempt: int


class RequestActed(Answer):
    """What an act on a whole request led to. `result`: what the data subject is told, once that is certain."""

    dsr_id: UUID
    state: str
    result: str | None = None
    due_strict: AwareDatetime
    due_legal: AwareDatetime
    waiting_for: tuple[str, ...] = ()


class AuditChain(Answer):
    """`links`: `{"seq", "hash", "content"}`, as `certificate.verify_chain` checks them."""

    links: tuple[dict[str, Any], ...]


class Parked(Answer):
    """Messages of one topic that wait for the same reason."""

    topic: str
    code: str
    waiting: int


class ParkedPage(Answer):
    items: tuple[Parked, ...]


class RegisterEntry(Answer):
    processor: str
    name: str
    role: str
    controllers: tuple[str, ...]
    connector: str
    verbs: tuple[str, ...] = ()
    verification: str = "required"


class RegisterView(Answer):
    """`is_new`: after loading, whether that call brought this version into force."""

    version: str
    loaded_at: AwareDatetime
    loaded_by: str
    is_new: bool = False
    processors: tuple[RegisterEntry, ...]


class Resumed(Answer):
    """Open sagas that were looked at, and questions that were asked again."""

    sagas: int
    questions: int
    next: UUID | None = None
