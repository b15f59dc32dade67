"""A history: what was accepted, asked, done, answered, recorded and left over in one run that came to rest.

Each class says which rows it is made of. What cannot be observed in a run stays empty, and the guarantees about it
then hold vacuously; `History.observes_effects` says for which processors effects were counted at all. Instants carry
a time zone. Ids are compared only with each other, so texts do as well as UUIDs if one history uses one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    Id = UUID | str

PACKAGE: Final = "lethe-package"
"""The processor id under which the export package is put together."""
Place = tuple[str, int, int]
"""Topic, partition, offset."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A 202 that a client received. `submission`: its idempotency key, or whatever one wish of one client is."""

    dsr_id: Id
    submission: str


@dataclass(frozen=True, slots=True)
class SagaEnd:
    """A row of `saga`. `audit_head`: hex. `submission`: of intake's row of the same DSR, where it is known.

    `needs_package`: an access request, or an erasure that exports first. `erases`: the right is erasure.
    """

    id: Id
    state: str
    closed_at: datetime | None
    answered_at: datetime | None
    shredded_at: datetime | None
    audit_seq: int
    audit_head: str
    alerts: tuple[str, ...] = ()
    erases: bool = True
    needs_package: bool = False
    submission: str | None = None


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """A row of `task`. `outcome`: of its `answer`. `ground`: of its `exception`. `excepted_at`: `at` of that.

    `unverifiable`: the register excepts this processor from verification, with a ground.
    """

    saga_id: Id
    task_id: Id
    processor_id: str
    verb: str
    round: int
    status: str
    attempt: int
    answered: int = 0
    outcome: str | None = None
    settled_at: datetime | None = None
    due_at: datetime | None = None
    ground: str | None = None
    excepted_at: datetime | None = None
    unverifiable: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it stands on a topic of tasks (each copy is one). `at`: its envelope's time."""

    saga_id: Id
    task_id: Id
    processor_id: str
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """A processor really changed something for a task: from the processor's own books, once per change.

    A call that found everything done already is no effect.
    """

    saga_id: Id
    processor_id: str
    task_id: Id
    at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """An acknowledgement of one of Lethe's own workers as it stands on the topic (each copy is one).

    `digest`: any fingerprint of its body.

    `promise`: its outcome is `accepted`.
    """

    saga_id: Id
    task_id: Id
    attempt: int
    promise: bool
    digest: str


@dataclass(frozen=True, slots=True)
class AckEnd:
    """A row of `ack`: an answer that counted."""

    saga_id: Id
    task_id: Id
    attempt: int
    promise: bool
    message_id: Id
    at: datetime


@dataclass(frozen=True, slots=True)
class ChainLink:
    """A row of `audit_event`. `content`: the text that was hashed. The others are read from it.

    `state`: of its effect, None where it has none. `due_at`, `subject`: of what time brought; the subject is the rung
    of an alarm and the task of the others.
    """

    saga_id: Id
    seq: int
    hash: str
    content: str
    kind: str
    at: datetime
    state: str | None = None
    due_at: datetime | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentEnd:
    """A row of `incident`."""

    id: Id
    saga_id: Id | None
    code: str
    opened_at: datetime
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TimerEnd:
    """A saga's row of `timer` (`armed`, None: no row) beside the moment its stored tasks ask for (`expected`)."""

    saga_id: Id
    armed: datetime | None
    expected: datetime | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing may be asked of this processor for this saga in the half-open span; `until` None: for ever."""

    saga_id: Id
    processor_id: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is left to do at the end: `what` is outbox, lag or queue; `where` a schema, partition or processor."""

    what: str
    where: str
    size: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A change of owner of a slot or a claimed job. `from_living`: the one before lived and its lease still ran."""

    what: str
    epoch: int
    owner: str
    from_living: bool


@dataclass(frozen=True, slots=True)
class Written:
    """The first time that the relay published a record of one writer and key. `number`: its place in the outbox.

    What a broker refused and was put off is left out: it waits for nobody, and nobody waits for it.
    """

    writer: str
    key: str
    number: int


@dataclass(frozen=True, slots=True)
class History:
    """One run, after its faults were over and everything had time to come to rest.

    `ended_at`: by the database's clock; what is due later is not owed, `patience` is how late a moment may be that is
    still to fire. `undecodable`: messages put on the bus that no
    handler can take; `parked`: rows of `parked_message`. `refusable`: messages that a handler may park with good
    reason (answers to what was never asked, for another controller …). `written` is in the order of publishing.
    """

    ended_at: datetime
    accepted: tuple[Accepted, ...] = ()
    sagas: tuple[SagaEnd, ...] = ()
    tasks: tuple[TaskEnd, ...] = ()
    asked: tuple[Asked, ...] = ()
    effects: tuple[Effect, ...] = ()
    observes_effects: frozenset[str] = frozenset()
    answered: tuple[Answered, ...] = ()
    acks: tuple[AckEnd, ...] = ()
    links: tuple[ChainLink, ...] = ()
    incidents: tuple[IncidentEnd, ...] = ()
    timers: tuple[TimerEnd, ...] = ()
    holds: tuple[Hold, ...] = ()
    backlog: tuple[Backlog, ...] = ()
    undecodable: frozenset[Place] = frozenset()
    refusable: frozenset[Place] = frozenset()
    parked: frozenset[Place] = frozenset()
    claims: tuple[Claimed, ...] = ()
    written: tuple[Written, ...] = ()
    patience: timedelta = timedelta(seconds=5)
