"""The sagas of one transaction: events are decided in memory, in order; the store then writes what changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lethe_events.canonical import GENESIS, canonical_of_built, sha256_hex
from lethe_events.ids import message_id, task_id
from lethe_events.words import Outcome, Verb
from orchestrator.application.correspondence import trouble
from orchestrator.application.keeping import KeptPart, Touched, kept_parts, kept_too_long
from orchestrator.domain import audit
from orchestrator.domain.certificate import certificate
from orchestrator.domain.decide import decide
from orchestrator.domain.decision import AskProcessor, Disposition, ShredVault, TellStatus
from orchestrator.domain.events import (
    ExceptionApproved,
    ExceptionProposed,
    Extended,
    HoldApproved,
    HoldLiftProposed,
    HoldProposed,
    IdentityVerified,
    ProcessorJoined,
    RefusalApproved,
    RefusalProposed,
    RetentionOver,
    TaskAcked,
    TaskRetryRequested,
    Withdrawn,
)
from orchestrator.domain.kept_parts import number_of
from orchestrator.domain.letter_events import ExtensionAsked, LetterReported
from orchestrator.domain.record_parts import instant
from orchestrator.domain.standing import NOTHING_HELD
from orchestrator.domain.words import Code

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from lethe_events import Record, SubjectObserved, TaskAcknowledged
    from orchestrator.application.messages import Messages
    from orchestrator.application.signer import Signer
    from orchestrator.domain.decision import Decision
    from orchestrator.domain.events import Event
    from orchestrator.domain.saga import Saga, Task

_INCIDENTS = 1000
"""Index from which ids of incidents are counted, apart from those of messages."""
_SELDOM = frozenset({ExceptionApproved, ExceptionProposed, ProcessorJoined, RetentionOver, TaskRetryRequested})
"""Events that may change a task's order, register, tokens, proposal or exception."""
_BESIDE = frozenset(
    {
        Extended,
        ExtensionAsked,
        HoldApproved,
        HoldLiftProposed,
        HoldProposed,
        IdentityVerified,
        LetterReported,
        RefusalApproved,
        RefusalProposed,
        Withdrawn,
    }
)
"""Events about the request and not about its tasks."""


@dataclass(slots=True)
class Entry:
    """A saga in a transaction.

    `seq`, `head`: number and hash of its last link. `stored`: version in the database (None: not there), `tasks`:
    those it has there. `checked`: the register its scope was compared with. `armed`: its timer (None: to be set).
    `changed`, `seldom`: tasks to be written, and those of them in which what seldom changes did. `beside`,
    `reclocked`: something happened beside the tasks, and moved the dates.
    """

    saga: Saga | None = None
    seq: int = 0
    head: str = GENESIS
    stored: int | None = None
    tasks: frozenset[UUID] = frozenset()
    checked: int = 0
    armed: datetime | None = None
    changed: dict[UUID, None] = field(default_factory=dict)
    seldom: set[UUID] = field(default_factory=set)
    dirty: bool = False
    beside: bool = False
    reclocked: bool = False

    def again(self) -> Entry:
        """As stored, for the next transaction."""
        saga = self.saga
        assert saga is not None, "only a stored saga is kept"
        return Entry(saga, self.seq, self.head, saga.version, frozenset(saga.tasks), self.checked, self.armed)


def incident_of(message: UUID) -> UUID:
    """Id of the incident about a message; the same however often it is delivered."""
    return message_id(message, 0, _INCIDENTS)


class Ack(NamedTuple):
    message_id: UUID
    body: TaskAcknowledged

    @property
    def promise(self) -> bool:
        """An attempt may be promised once and answered once."""
        return self.body.outcome is Outcome.ACCEPTED


class Stray(NamedTuple):
    message_id: UUID
    body: TaskAcknowledged
    reason: str


class Incident(NamedTuple):
    id: UUID
    saga_id: UUID | None
    controller_id: str | None
    processor_id: str | None
    task_id: UUID | None
    code: str
    detail: str
    at: datetime


class Resolved(NamedTuple):
    saga_id: UUID
    task_id: UUID | None
    code: str
    at: datetime
    by: str | None


class Erased(NamedTuple):
    """A Kafka-native processor's subject token, seen to be absent."""

    processor_id: str
    token: str
    saga_id: UUID
    at: datetime


class Certified(NamedTuple):
    """`number`: a saga that was opened anew closes more than once."""

    saga_id: UUID
    sha256: str
    document: str
    number: int = 1


class Batch:
    """Not safe to share. `now` is the one time of everything in it."""

    def __init__(self, now: datetime, entries: dict[UUID, Entry], messages: Messages, signer: Signer) -> None:
        self.now = now
        self.entries = entries
        self.links: list[audit.Link] = []
        self.acks: list[Ack] = []
        self.strays: list[Stray] = []
        self.incidents: list[Incident] = []
        self.resolved: list[Resolved] = []
        self.certificates: list[Certified] = []
        self.records: list[Record] = []
        self.shreds: list[UUID] = []
        self.erased: list[Erased] = []
        self.kept: list[KeptPart] = []
        self.touched: list[Touched] = []
        self.standing = NOTHING_HELD
        self._messages = messages
        self._signer = signer

    def saga(self, saga_id: UUID) -> Saga | None:
        entry = self.entries.get(saga_id)
        return None if entry is None else entry.saga

    def apply(self, saga_id: UUID, event: Event, cause: UUID | None = None) -> Decision:
        """Decide and collect what follows. `cause`: the message that brought the event."""
        entry = self.entries.get(saga_id)
        decision = decide(None if entry is None else entry.saga, event)
        if decision.disposition is not Disposition.APPLIED:
            return decision
        if entry is None:
            entry = self.entries[saga_id] = Entry()
        before, entry.saga = entry.saga, decision.saga
        entry.dirty = True
        entry.changed.update(dict.fromkeys(decision.changed))
        kind = type(event)
        if kind in _SELDOM:
            entry.seldom.update(decision.changed)
        if kind in _BESIDE:
            entry.beside = True
            entry.reclocked |= before is not None and entry.saga is not None and before.clock is not entry.saga.clock
        if entry.saga is not None and entry.saga.beside is not (None if before is None else before.beside):
            entry.beside = True
        self._link(entry, audit.link_of(event, decision, entry.seq + 1, entry.head))
        if isinstance(event, TaskAcked):
            self.acks.append(Ack(event.message_id, event.ack))
            self._erased(entry.saga, event.ack)
        self._incidents(decision, event)
        closed_now = decision.saga is not None and decision.saga.closed_at is not None
        document = self._certify(entry) if closed_now and (before is None or before.closed_at is None) else None
        self._send(entry, decision, document, cause)
        if entry.saga is not None and entry.saga.controller_id in self._messages.correspondence.controllers:
            self._write(before, entry.saga, event, cause)
        return decision

    def park_incident(self, ack: TaskAcknowledged, message: UUID, code: str, detail: str) -> None:
        """Something is wrong with a message, not with a saga: nothing of the saga changes."""
        saga = self.saga(ack.dsr_id)
        self.incidents.append(
            Incident(
                incident_of(message),
                ack.dsr_id,
                ack.controller_id if saga is None else saga.controller_id,
                ack.processor_id,
                ack.task_id,
                code,
                detail,
                self.now,
            )
        )

    def _erased(self, saga: Saga | None, ack: TaskAcknowledged) -> None:
        """From now on, a sign of life of this person at this processor is a reason to look."""
        task = None if saga is None else saga.tasks.get(ack.task_id)
        if task is None or not task.tokens or not task.good or task.verb is not Verb.VERIFY:
            return
        if saga is None or saga.tasks[task.after[0]].verb is not Verb.ERASE:
            return
        self.erased += [Erased(task.processor_id, token, ack.dsr_id, self.now) for token in task.tokens]

    def reappeared(self, observed: SubjectObserved, saga_id: UUID, controller_id: str) -> None:
        """A processor saw data of a person whose erasure was verified there: one incident per saga and processor."""
        id_ = message_id(task_id(saga_id, observed.processor_id, "reappeared", 1), 0, _INCIDENTS)
        detail = f"{observed.kind.value} at {instant(observed.at)}"
        where = (saga_id, controller_id, observed.processor_id, None)
        self.incidents.append(Incident(id_, *where, Code.REAPPEARED.value, detail, self.now))

    def _write(self, before: Saga | None, saga: Saga, event: Event, cause: UUID | None) -> None:
        """Letters that follow; and an incident about one that did not reach the person."""
        stamp = self._messages.stamp(saga, at=self.now, cause=cause)
        self.records += self._messages.correspondence.asked(before, saga, event, stamp)
        what = trouble(saga, event) if isinstance(event, LetterReported) else None
        if what is not None and isinstance(event, LetterReported):
            where = (incident_of(event.message_id), saga.id, saga.controller_id, None, None)
            self.incidents.append(Incident(*where, Code.LETTER_FAILED.value, what, self.now))

    def _link(self, entry: Entry, link: audit.Link) -> None:
        self.links.append(link)
        entry.seq, entry.head = link.seq, link.hash

    def _incidents(self, decision: Decision, event: Event) -> None:
        saga = decision.saga
        if saga is None or not (decision.opened or decision.resolved):
            return
        gone = {(saga.id, r.task_id, r.code) for r in decision.resolved}
        self.incidents = [i for i in self.incidents if (i.saga_id, i.task_id, i.code) not in gone]
        by = getattr(event, "by", None)
        self.resolved += [Resolved(*key, self.now, by) for key in gone]
        for index, opened in enumerate(decision.opened):
            task = None if opened.task_id is None else saga.tasks[opened.task_id]
            self.incidents.append(
                Incident(
                    message_id(saga.id, saga.version, _INCIDENTS + index),
                    saga.id,
                    saga.controller_id,
                    None if task is None else task.processor_id,
                    opened.task_id,
                    opened.code,
                    "" if task is None else _detail(task),
                    self.now,
                )
            )

    def _certify(self, entry: Entry) -> str:
        """Sign what the saga proves, and put the hash of that into the chain. Gives the hash (hex)."""
        saga = entry.saga
        assert saga is not None, "it has just closed"
        content = canonical_of_built(certificate(saga, links=entry.seq, head=entry.head))
        signature = {"alg": "Ed25519", "key_id": self._signer.key_id, "value": self._signer.sign(content)}
        # canonical as a whole, because its two members are and stand in order
        document = b'{"certificate":%b,"signature":%b}' % (content, canonical_of_built(signature))
        sha256 = sha256_hex(document)
        self.certificates.append(Certified(saga.id, sha256, document.decode(), number_of(saga)))
        self._keep(saga)
        self._link(
            entry,
            audit.certified(
                saga.id,
                self.now,
                seq=entry.seq + 1,
                previous=entry.head,
                document_sha256=sha256,
                key_id=self._signer.key_id,
            ),
        )
        return sha256

    def _keep(self, saga: Saga) -> None:
        """A dated row for each part that stays; what should have gone by now is told to a person."""
        self.kept += kept_parts(saga, self.now)
        for index, (processor_id, detail) in enumerate(kept_too_long(saga)):
            id_ = message_id(saga.id, saga.version, _INCIDENTS + 500 + index)
            past = (saga.id, saga.controller_id, processor_id, None, Code.KEPT_PAST_ITS_DATE.value, detail)
            self.incidents.append(Incident(id_, *past, self.now))

    def _send(self, entry: Entry, decision: Decision, document: str | None, cause: UUID | None) -> None:
        saga = entry.saga
        assert saga is not None, "an applied decision has a saga"
        if not decision.commands:
            return
        stamp = self._messages.stamp(saga, at=self.now, cause=cause)
        for command in decision.commands:
            if type(command) is AskProcessor:
                self.records.append(self._messages.task(saga, command, stamp))
            elif type(command) is TellStatus:
                self.records.append(self._messages.status(saga, document, stamp, self.now))
            elif type(command) is ShredVault:
                self.shreds.append(saga.id)


def _detail(task: Task) -> str:
    """Which task, and the failure code if its processor gave one."""
    answer = task.answer
    failure = None if answer is None or answer.failure is None else answer.failure.code
    return task.name if failure is None else f"{task.name}: {failure}"
