"""The orchestrator on the simulated ground: the real core between the protocol's steps.

Mirrors `orchestrator/application/{take,timers,batch,acts}.py` and `orchestrator/adapters/store.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from lethe_events.canonical import GENESIS
from lethe_events.ids import message_id
from lethe_events.words import Outcome, SagaState, Verb
from lethe_testkit.simulation.bus import Rec
from lethe_testkit.simulation.consuming import Consumer
from lethe_testkit.simulation.core import APPLIED, REJECTED, RETENTION, Request, Row, Stored, chained, is_closed
from lethe_testkit.simulation.messaging import TRANSIENT, Work
from lethe_testkit.simulation.world import CHECK, MS, SECOND
from orchestrator.domain import events as e
from orchestrator.domain.decision import AskProcessor, TellStatus
from orchestrator.domain.timers import due_events, next_moment
from orchestrator.domain.words import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    import lethe_events as wire
    from lethe_testkit.simulation.bus import Bus
    from lethe_testkit.simulation.consuming import Delivered
    from lethe_testkit.simulation.core import Core
    from lethe_testkit.simulation.store import Store
    from lethe_testkit.simulation.world import Activity, Process, Steps
    from orchestrator.domain.decision import Decision
    from orchestrator.domain.saga import Saga

T = TypeVar("T")
EXPLOSIVE = "makes its handler raise"


class LostUpdate(Exception):
    """A saga changed between reading and writing it."""


class Ask(NamedTuple):
    """A question to a processor: what `lethe.task.requested` says, as far as anybody here needs it."""

    task_id: UUID
    saga_id: UUID
    processor_id: str
    verb: Verb
    attempt: int
    due_at: datetime


class IncidentRow(NamedTuple):
    saga_id: UUID | None
    task_id: UUID | None
    code: str
    opened_at: datetime
    resolved_at: datetime | None = None


class Entry:
    """`application.batch.Entry`: a saga in a transaction."""

    __slots__ = ("armed", "dirty", "head", "links", "saga", "seq", "stored")

    def __init__(self, row: Row | None, armed: datetime | None) -> None:
        self.saga = None if row is None else row.saga
        self.seq = 0 if row is None else row.seq
        self.head = GENESIS if row is None else row.head
        self.stored = None if row is None else row.saga.version
        self.armed = armed
        self.links: list[Stored] = []
        self.dirty = False


class Orchestrator(Consumer):
    def __init__(self, process: Process, store: Store, bus: Bus, core: Core) -> None:
        super().__init__(process, store, bus, {"requests": self._requests, "acks": self._acks})
        self.core = core
        self._clockwork: Activity = process.spawn(self._fire_for_ever())

    # -- take.py

    def _requests(self, work: Work, messages: Sequence[Delivered]) -> Steps:
        explode(messages)
        entries = yield from self._load(work, (m.rec.key for m in messages))
        now = self.world.at
        for message in messages:
            asked: Request = message.rec.body
            received = e.DsrReceived(now, message.rec.id, asked.body, asked.clock)
            if self._apply(work, entries, asked.body.dsr_id, received) is APPLIED:
                self._apply(work, entries, asked.body.dsr_id, self.core.planned(now))
        yield from self._save(work, entries)

    def _acks(self, work: Work, messages: Sequence[Delivered]) -> Steps:
        explode(messages)
        entries = yield from self._load(work, (m.rec.key for m in messages))
        now = self.world.at
        for message in messages:
            ack: wire.TaskAcknowledged = message.rec.body
            if self.world.mutant == "late_answers_are_applied":
                self._apply_late(entries, ack, now)
            disposition = self._apply(work, entries, ack.dsr_id, e.TaskAcked(now, message.rec.id, ack))
            if disposition is REJECTED:
                place = (message.topic, message.partition, message.offset)
                work.parked.append(place)
                id_ = message_id(message.rec.id, 0, 1000)
                work.tx.insert("incident", id_, IncidentRow(ack.dsr_id, ack.task_id, "rejected", now))
            elif disposition is APPLIED or self.world.mutant == "every_copy_counts":
                self._count(work, ack, message)
            else:
                work.tx.insert("stray", message.rec.id, now)
        yield from self._save(work, entries)

    def _count(self, work: Work, ack: wire.TaskAcknowledged, message: Delivered) -> None:
        key: tuple[Any, ...] = (ack.dsr_id, ack.task_id, ack.attempt, ack.outcome is Outcome.ACCEPTED)
        if self.world.mutant == "every_copy_counts":
            key = (*key, message.offset)
        if not work.tx.insert("ack", key, (message.rec.id, self.world.at)):
            raise ValueError("an answer to this attempt is stored already")

    def _apply_late(self, entries: dict[UUID, Entry], ack: wire.TaskAcknowledged, now: datetime) -> None:
        """A mutant: what comes after closing is linked into the chain."""
        entry = entries.get(ack.dsr_id)
        if entry is not None and entry.saga is not None and is_closed(entry.saga):
            text = f"late {ack.task_id} {entry.seq}"
            self._append(entry, Stored(chained(entry.head, text), text, "task_acked", now, None, None, None))

    # -- timers.py

    def _fire_for_ever(self) -> Steps:
        while True:
            now = self.world.now
            early = 150 * MS if self.world.mutant == "timers_fire_early" else 0
            waiting = self.store.rows("timer")
            until = self.world.instant(now + early)
            due = [saga_id for saga_id, due_at in waiting.items() if due_at <= until]
            if due:
                yield self.world.short()
                fired: list[UUID] = []
                try:
                    yield from self.transact(lambda work: self._fire(work, due, early, fired), [])  # noqa: B023
                except (*TRANSIENT, LostUpdate):
                    fired.clear()
                if not fired:
                    yield -20 * MS
                continue
            soonest = min(waiting.values(), default=None)
            pause = SECOND // 2
            if soonest is not None:
                pause = min(pause, max(20 * MS, self.world.micros(soonest) - now))
            yield -pause

    def _fire(self, work: Work, due: Sequence[UUID], early: int, fired: list[UUID]) -> Steps:
        entries: dict[UUID, Entry] = {}
        for saga_id in due:
            if self.world.mutant == "sagas_are_not_locked" or (
                work.tx.try_lock("timer", saga_id) and work.tx.try_lock("saga", saga_id)
            ):
                entries[saga_id] = Entry(work.tx.get("saga", saga_id), None)
                entries[saga_id].dirty = True
        fired += entries
        at = self.world.instant(self.world.now + early)
        yield CHECK
        for saga_id, entry in entries.items():
            if entry.saga is None:
                continue
            for event in due_events(entry.saga, at, RETENTION):
                if self.world.mutant == "timers_fire_early":
                    event = changed(event, at=self.world.instant(self.world.micros(at) - early))  # noqa: PLW2901
                if self.world.mutant == "alarms_are_told_apart" and isinstance(event, e.AlarmDue):
                    self._tell_apart(saga_id, event)
                    yield CHECK
                self._apply(work, entries, saga_id, event)
        yield from self._save(work, entries)

    def _tell_apart(self, saga_id: UUID, event: e.AlarmDue) -> None:
        """A mutant: the alarm rings in a transaction of its own, before the saga knows that it rang."""
        self.store.rows("rung")[self.store.next_id()] = (saga_id, event.rung, event.due_at, event.at)

    # -- acts.py

    def except_(self, saga_id: UUID, task_id: UUID) -> Steps:
        """Two people except a task, as they would over HTTP."""

        def body(work: Work) -> Steps:
            entries = yield from self._load(work, (saga_id,))
            now = self.world.at
            ground = ("legal_claims", "GDPR Art. 17(3)(e)", "litigation")
            self._apply(work, entries, saga_id, e.ExceptionProposed(now, task_id, *ground, by="kim"))
            self._apply(work, entries, saga_id, e.ExceptionApproved(now, task_id, by="robin"))
            yield from self._save(work, entries)

        try:
            yield from self.transact(body, [])
        except TRANSIENT:
            return

    # -- store.py

    def _load(self, work: Work, ids: Iterable[UUID]) -> Any:
        entries: dict[UUID, Entry] = {}
        for saga_id in sorted(set(ids)):
            if self.world.mutant != "sagas_are_not_locked":
                yield from work.tx.lock("saga", saga_id)
            row: Row | None = work.tx.get("saga", saga_id)
            if row is not None:
                entries[saga_id] = Entry(row, work.tx.get("timer", saga_id))
        yield self.world.short()
        return entries

    def _save(self, work: Work, entries: dict[UUID, Entry]) -> Steps:
        tx, now = work.tx, self.world.at
        for saga_id, entry in entries.items():
            saga = entry.saga
            if not entry.dirty or saga is None:
                continue
            stored: Row | None = tx.get("saga", saga_id)
            version = None if stored is None else stored.saga.version
            if version != entry.stored and self.world.mutant != "sagas_are_not_locked":
                raise LostUpdate("the saga is not as it was read")
            if self.world.mutant == "closes_without_looking":
                saga = entry.saga = _without_looking(saga, now)
            tx.put("saga", saga_id, Row(saga, entry.seq, entry.head))
            for n, link in enumerate(entry.links, entry.seq - len(entry.links) + 1):
                if self.world.mutant == "audit_in_its_own_transaction":
                    _at_once(self.store.rows("link"), (saga_id, n), link)
                elif self.world.mutant == "sagas_are_not_locked":
                    tx.put("link", (saga_id, n), link)
                elif not tx.insert("link", (saga_id, n), link):
                    raise LostUpdate("a link stands there already")
            self._arm(tx, entry, saga, now)
        yield CHECK

    def _arm(self, tx: Any, entry: Entry, saga: Saga, now: datetime) -> None:
        moment = next_moment(saga, RETENTION)
        if moment is None:
            tx.put("timer", saga.id, None)
        elif entry.armed is None or entry.armed <= now or moment.due_at < entry.armed or saga.closed_at is not None:
            if self.world.mutant == "fired_timers_are_forgotten" and entry.stored is not None:
                tx.put("timer", saga.id, None)
                return
            tx.put("timer", saga.id, moment.due_at)
            self.world.wake(self._clockwork)

    # -- batch.py

    def _append(self, entry: Entry, link: Stored) -> None:
        entry.links.append(link)
        entry.seq += 1
        entry.head = link.hash
        entry.dirty = True

    def _apply(self, work: Work, entries: dict[UUID, Entry], saga_id: UUID, event: e.Event) -> object:
        entry = entries.get(saga_id)
        decision = self.core.decide(None if entry is None else entry.saga, event)
        if decision.disposition is not APPLIED or decision.saga is None:
            return decision.disposition
        if entry is None:
            entry = entries[saga_id] = Entry(None, None)
        before, entry.saga = entry.saga, decision.saga
        self._append(entry, self.core.link(event, decision, entry.seq + 1, entry.head))
        self._incidents(work, decision, event.at)
        if is_closed(decision.saga) and (before is None or not is_closed(before)):
            self._append(entry, self.core.certified(decision.saga, event.at, entry.seq + 1, entry.head))
        self._send(work, decision, event.at)
        return APPLIED

    def _incidents(self, work: Work, decision: Decision, at: datetime) -> None:
        saga = decision.saga
        assert saga is not None, "an applied decision has a saga"
        for resolved in decision.resolved:
            key = (saga.id, resolved.task_id, resolved.code)
            row = work.tx.get("incident", key)
            if row is not None:
                work.tx.put("incident", key, row._replace(resolved_at=at))
        for opened in decision.opened:
            key = (saga.id, opened.task_id, opened.code)
            work.tx.put("incident", key, IncidentRow(saga.id, opened.task_id, opened.code, at))

    def _send(self, work: Work, decision: Decision, at: datetime) -> None:
        saga = decision.saga
        assert saga is not None, "an applied decision has a saga"
        for command in decision.commands:
            if isinstance(command, AskProcessor):
                work.records.append(ask_record(saga, command, at))
            elif isinstance(command, TellStatus):
                work.records.append(Rec("status", saga.id, message_id(saga.id, saga.version, 0), saga.state, at))
        if self.world.mutant == "excepted_are_asked" and decision.changed:
            for task_id in decision.changed:
                task = saga.tasks[task_id]
                if task.status is TaskStatus.EXCEPTED:
                    asked = changed(task, attempt=max(task.attempt, 1))
                    later = self.world.instant(self.world.now + 1)
                    work.records.append(ask_record(saga, AskProcessor(asked), later))


def ask_record(saga: Saga, command: AskProcessor, at: datetime) -> Rec:
    task = command.task
    topic = f"tasks.{task.processor_id}" if task.rules.kafka_native else "tasks"
    body = Ask(task.id, saga.id, task.processor_id, task.verb, task.attempt, saga.clock.due_strict)
    return Rec(topic, saga.id, message_id(task.id, task.attempt, 0), body, at)


def explode(messages: Sequence[Delivered]) -> None:
    if any(m.rec.body is EXPLOSIVE for m in messages):
        raise ValueError("a message that its handler cannot stand")


def _at_once(links: dict[object, object], key: object, link: Stored) -> None:
    """A mutant: stored before the transaction that it records; its table still takes each number once."""
    if key in links:
        raise LostUpdate("a link stands there already")
    links[key] = link


def changed(value: T, **changes: object) -> T:
    """A changed copy of a frozen value, whether it is a dataclass or a struct."""
    names = getattr(type(value), "__struct_fields__", None) or type(value).__dataclass_fields__  # type: ignore[attr-defined]
    return type(value)(**{name: changes.get(name, getattr(value, name)) for name in names})


def _without_looking(saga: Saga, now: datetime) -> Saga:
    """A mutant: every erasure is acknowledged, so the saga is taken for closed."""
    changes = [t for t in saga.tasks.values() if t.verb is not Verb.VERIFY]
    if is_closed(saga) or not changes or not all(t.settled for t in changes):
        return saga
    return changed(saga, state=SagaState.CLOSED, closed_at=now, answered_at=now)
