"""What the orchestrator's API answers. Unknown members are tolerated: a newer service may tell more."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


class SagaRow(Answer):
    """One line of the list. Times in UTC; alarms go by `due_strict`."""

    dsr_id: UUID = Field(validation_alias=AliasChoices("dsr_id", "saga_id", "id"))
    controller_id: str
    right: str
    state: str
    due_strict: AwareDatetime
    due_legal: AwareDatetime
    tasks: int = 0
    settled: int = 0
    open_incidents: int = 0


class SagaPage(Answer):
    """`next`: what to give as `after` for the next page."""

    items: tuple[SagaRow, ...]
    next: str | None = None


class Task(Answer):
    task_id: UUID = Field(validation_alias=AliasChoices("task_id", "id"))
    processor_id: str
    verb: str
    round: int = 1
    status: str
    attempt: int = 0
    code: str | None = None
    outcome: str | None = None
    grade: str | None = None
    expected_by: AwareDatetime | None = None


class Saga(Answer):
    """One saga with its tasks; timeline, incidents and derivation are kept as the service tells them."""

    dsr_id: UUID = Field(validation_alias=AliasChoices("dsr_id", "saga_id", "id"))
    controller_id: str
    right: str
    state: str
    due_strict: AwareDatetime
    due_legal: AwareDatetime
    tasks: tuple[Task, ...] = ()


class AuditChain(Answer):
    links: tuple[dict[str, Any], ...]


class Incident(Answer):
    dsr_id: UUID | None = Field(default=None, validation_alias=AliasChoices("dsr_id", "saga_id"))
    code: str
    processor_id: str | None = None
    task_id: UUID | None = None
    opened_at: AwareDatetime | None = None


class IncidentPage(Answer):
    items: tuple[Incident, ...]


class Parked(Answer):
    """Messages of one topic that wait for the same reason."""

    topic: str
    code: str
    waiting: int = 1


class ParkedPage(Answer):
    items: tuple[Parked, ...]


class RegisterEntry(Answer):
    processor: str
    name: str = ""
    role: str = ""
    controllers: tuple[str, ...] = ()
    connector: str = ""


class RegisterView(Answer):
    version: str
    processors: tuple[RegisterEntry, ...] = ()
