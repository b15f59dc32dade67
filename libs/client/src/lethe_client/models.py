"""What intake's API answers. Unknown members are tolerated: a newer service may tell more."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from lethe_events.words import Channel, RestrictionGround, Result, Right, SagaState

if TYPE_CHECKING:
    from datetime import datetime


Value = StrictBool | StrictInt | StrictFloat | str | None


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class NewDsr(BaseModel):
    """A request of one data subject to exercise one right.

    `received_at`: when it reached the controller; left out, now. `country`: whose calendar counts; left out, the
    controller's. `corrections`, `completions`: `collection.field`, `processor:collection.field` or a data category →
    the value it should have; what else a right needs is told by the API's document.
    """

    model_config = ConfigDict(extra="forbid")
    controller_id: str
    right: Right
    export_first: bool = False
    identifiers: dict[str, list[str]] = Field(repr=False)
    channel: Channel = Channel.API
    received_at: AwareDatetime | None = None
    country: str | None = None
    note: str | None = Field(default=None, repr=False)
    identity: dict[str, str] = Field(default_factory=lambda: {"method": "controller_session"})
    corrections: dict[str, Value] | None = Field(default=None, repr=False)
    completions: dict[str, Value] | None = Field(default=None, repr=False)
    contested: bool | None = None
    categories: list[str] | None = None
    ground: RestrictionGround | None = None
    direct_marketing: bool | None = None
    purposes: list[str] | None = None
    grounds: str | None = Field(default=None, repr=False)
    formats: list[str] | None = None
    decision: str | None = None
    transmit_to: str | None = None

    def body(self) -> dict[str, object]:
        """As JSON values, without what is left out; a new value that is null stays."""
        found = self.model_dump(mode="json")
        return {name: value for name, value in found.items() if value is not None}


class AcceptedDsr(Answer):
    """`due_strict`: alarms go by it; `due_legal`: lateness is judged by it; both in UTC. `due_date`: the legal day."""

    dsr_id: UUID
    status: str
    due_strict: AwareDatetime
    due_legal: AwareDatetime
    due_date: date
    rule: str
    repeats: UUID | None = None
    """The request of the same person and right that was open."""
    attached: bool = False
    """`dsr_id` is that one."""


class Progress(Answer):
    tasks: int = 0
    settled: int = 0
    open_incidents: int = 0


class Retained(Answer):
    """What the law keeps: which rows, by which ground, until when (null: until the ground itself ends)."""

    collection: str
    category: str
    rows: int
    ground: str
    article: str
    until: AwareDatetime | None = None


class KnownBy(Answer):
    """How it is known who asks, and how a doubt was removed."""

    method: str
    doubt: str | None = None
    verified_at: AwareDatetime | None = None
    verified_by: str | None = None


class Repeated(Answer):
    """The person exercised this right before. `patterns`: what may be excessive, for a person to decide on."""

    open_dsr_id: UUID | None = None
    patterns: tuple[str, ...] = ()
    requests: int


class Particulars(Answer):
    """What was asked beside the right. `places`: what is to be corrected, never to what."""

    purposes: tuple[str, ...] = ()
    direct_marketing: bool = False
    categories: tuple[str, ...] = ()
    ground: str | None = None
    contested: bool = False
    decision: str | None = None
    formats: tuple[str, ...] = ()
    transmit_to: str | None = None
    places: tuple[str, ...] = ()


class Transmission(Answer):
    """A copy on its way to another controller. `receipt_sha256`: over the body of what that one answered."""

    target: str
    state: str
    attempts: int = 0
    receipt_sha256: str | None = None
    problem: str | None = None


class Dsr(Answer):
    """Where a DSR stands."""

    dsr_id: UUID
    controller_id: str
    right: Right
    export_first: bool = False
    channel: Channel
    country: str
    identifier_kinds: tuple[str, ...] = ()
    received_at: AwareDatetime
    accepted_at: AwareDatetime
    state: SagaState
    due_strict: AwareDatetime
    due_legal: AwareDatetime
    due_date: date
    rule: str
    progress: Progress = Progress()
    result: Result | None = None
    retained: tuple[Retained, ...] = ()
    certificate_sha256: str | None = None
    package_ready: bool = False
    status_at: AwareDatetime | None = None
    withdrawn_at: AwareDatetime | None = None
    identity: KnownBy | None = None
    repeats: Repeated | None = None
    particulars: Particulars = Particulars()
    transmission: Transmission | None = None

    @property
    def closed(self) -> bool:
        return self.state is SagaState.CLOSED

    def overdue(self, now: datetime) -> bool:
        """Whether the legal date has passed without an answer."""
        return self.state not in {SagaState.ANSWERED, SagaState.CLOSED} and now >= self.due_legal


class Withdrawn(Answer):
    dsr_id: UUID
    withdrawn_at: AwareDatetime


class CodeWanted(Answer):
    """Whether a code was sent is not told."""

    valid_for_s: int
    again_after_s: int


class Verified(Answer):
    dsr_id: UUID
    status: str
    method: str | None = None
    verified_at: AwareDatetime | None = None


class Republished(Answer):
    """Requests that were looked at, and messages that were said again."""

    dsrs: int
    messages: int
    next: UUID | None = None


class RowFault(Answer):
    field: str
    message: str
    fix: str


class Batch(Answer):
    """What came of a file of people, or would. `conflicting`: rows that were accepted before with other content."""

    dry_run: bool
    batch_id: UUID | None = None
    people: int
    accepted: int = 0
    replayed: int = 0
    conflicting: tuple[int, ...] = ()
    faults: tuple[RowFault, ...] = ()


class BatchProgress(Answer):
    batch_id: UUID
    controller_id: str
    begun_at: AwareDatetime
    people: int
    requests: int
    states: dict[str, int]
    rights: dict[str, int] = {}
    results: dict[str, int] = {}
    withdrawn: int
    open_incidents: int = 0
    overdue: int = 0
    next_due: AwareDatetime | None = None


class DsrPage(Answer):
    """`next`: path and query of the next page."""

    items: tuple[Dsr, ...]
    next: str | None = None
