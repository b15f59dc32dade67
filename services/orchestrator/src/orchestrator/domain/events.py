"""What can happen to a saga. Every event brings its own time: `at` is when it was taken in, by the database's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from orchestrator.domain.decision_events import DecisionApproved, DecisionProposed
from orchestrator.domain.escalation_event import Escalated
from orchestrator.domain.hold_events import HoldImposed, HoldReleased, KeptPartDue
from orchestrator.domain.letter_events import ExtensionAsked, LetterReported
from orchestrator.domain.lift_events import LiftAnnounced, LiftCalledOff, LiftDue, LiftOrdered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    import lethe_events as wire
    from orchestrator.domain.deadlines import Deadlines
    from orchestrator.domain.rules import ProcessorRules


class DsrReceived(Struct, frozen=True, gc=False):
    """Intake accepted a DSR. `clock` is worked out before, so that a later calendar does not rewrite the past."""

    at: datetime
    message_id: UUID
    dsr: wire.DsrReceived
    clock: Deadlines


class ScopePlanned(Struct, frozen=True, gc=False):
    """The processors of the controller in one version of the register, and subject tokens of the Kafka-native ones."""

    at: datetime
    register_version: str
    processors: tuple[ProcessorRules, ...]
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class ProcessorJoined(Struct, frozen=True):
    """A newer version of the register names a processor that this saga has not in scope."""

    at: datetime
    register_version: str
    processor: ProcessorRules
    tokens: tuple[str, ...] = ()


class TaskAcked(Struct, frozen=True, gc=False):
    at: datetime
    message_id: UUID
    ack: wire.TaskAcknowledged


class RetryDue(Struct, frozen=True):
    """The back-off of a task is over. `due_at` is the moment it was set for; `at` may be later, never earlier."""

    at: datetime
    task_id: UUID
    due_at: datetime


class AckOverdue(Struct, frozen=True):
    """A task has no answer within its `ack_within`."""

    at: datetime
    task_id: UUID
    due_at: datetime


class VerifyDue(Struct, frozen=True):
    """The moment has come for which an asynchronous vendor promised."""

    at: datetime
    task_id: UUID
    due_at: datetime


class AlarmDue(Struct, frozen=True):
    """A rung of the ladder before, at or after the deadline; `rung` indexes `clock.LADDER`."""

    at: datetime
    rung: int
    due_at: datetime


class TaskRetryRequested(Struct, frozen=True):
    """A person on call wants a task asked again, by the register as it is now (`rules`; None: as pinned)."""

    at: datetime
    task_id: UUID
    by: str
    rules: ProcessorRules | None = None
    tokens: tuple[str, ...] = ()


class ExceptionProposed(Struct, frozen=True):
    """A person says that a task is lawfully not done. `reason` is a code: no free text reaches the record."""

    at: datetime
    task_id: UUID
    ground: str
    article: str
    reason: str
    by: str


class ExceptionApproved(Struct, frozen=True):
    """Another person approves the proposed exception."""

    at: datetime
    task_id: UUID
    by: str


class Withdrawn(Struct, frozen=True):
    """The person takes the request back. `said_at`: when; `by`: who recorded it, None where intake says so."""

    at: datetime
    controller_id: str
    said_at: datetime
    message_id: UUID | None = None
    by: str | None = None


class Extended(Struct, frozen=True):
    """A notice of extension went out at `notified_at`. `further`: in the unit of the rule, months under the GDPR.

    `reasons` are codes. `clock` is worked out before, as for DsrReceived.
    """

    at: datetime
    further: int
    reasons: tuple[str, ...]
    notified_at: datetime
    by: str
    clock: Deadlines


class RefusalProposed(Struct, frozen=True):
    """A person says that the whole request is to be refused. `reason` is a code; `authority`: None is the country's."""

    at: datetime
    ground: str
    article: str
    reason: str
    by: str
    authority: str | None = None


class RefusalApproved(Struct, frozen=True):
    """Another person approves the proposed refusal."""

    at: datetime
    by: str


class IdentityVerified(Struct, frozen=True):
    """Who asked is who they say. `shown_at`: when; `clock`: the dates that follow, None where they stay."""

    at: datetime
    message_id: UUID
    controller_id: str
    method: str
    shown_at: datetime
    clock: Deadlines | None


class HoldProposed(Struct, frozen=True):
    """A person wants erasures of this request held. `processors`: none named means all. `matter` is a code."""

    at: datetime
    hold_id: UUID
    ground: str
    article: str
    matter: str
    processors: tuple[str, ...]
    by: str


class HoldLiftProposed(Struct, frozen=True):
    """A person wants a hold lifted: what it kept would then be erased."""

    at: datetime
    hold_id: UUID
    by: str


class HoldApproved(Struct, frozen=True):
    """Another person approves what was proposed last about a hold: to place it, or to lift it."""

    at: datetime
    hold_id: UUID
    by: str


class RetentionOver(Struct, frozen=True):
    """The time is over for which a closed saga keeps its sealed identifiers and documents."""

    at: datetime
    due_at: datetime


Event = (
    DsrReceived
    | ScopePlanned
    | ProcessorJoined
    | TaskAcked
    | RetryDue
    | AckOverdue
    | VerifyDue
    | AlarmDue
    | TaskRetryRequested
    | ExceptionProposed
    | ExceptionApproved
    | Withdrawn
    | Extended
    | RefusalProposed
    | RefusalApproved
    | IdentityVerified
    | HoldProposed
    | HoldLiftProposed
    | HoldApproved
    | HoldImposed
    | HoldReleased
    | KeptPartDue
    | Escalated
    | ExtensionAsked
    | LetterReported
    | DecisionProposed
    | DecisionApproved
    | LiftOrdered
    | LiftAnnounced
    | LiftCalledOff
    | LiftDue
    | RetentionOver
)
TimerEvent = RetryDue | AckOverdue | VerifyDue | AlarmDue | Escalated | KeptPartDue | LiftDue | RetentionOver

EVENTS: tuple[type, ...] = (
    DsrReceived,
    ScopePlanned,
    ProcessorJoined,
    TaskAcked,
    RetryDue,
    AckOverdue,
    VerifyDue,
    AlarmDue,
    TaskRetryRequested,
    ExceptionProposed,
    ExceptionApproved,
    Withdrawn,
    Extended,
    RefusalProposed,
    RefusalApproved,
    IdentityVerified,
    HoldProposed,
    HoldLiftProposed,
    HoldApproved,
    HoldImposed,
    HoldReleased,
    KeptPartDue,
    Escalated,
    ExtensionAsked,
    LetterReported,
    DecisionProposed,
    DecisionApproved,
    LiftOrdered,
    LiftAnnounced,
    LiftCalledOff,
    LiftDue,
    RetentionOver,
)
