"""What every worker does around its runners."""

from __future__ import annotations

import json
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from lethe_events.audit import AuditSealed
from lethe_events.canonical import canonical, sha256_hex
from lethe_events.envelope import Envelope, Received, decode
from lethe_events.models import Count, TaskAcknowledged, TaskRequested
from lethe_events.words import FailureKind, Grade, Method, Outcome, Verb
from lethe_processors.connector import Answer, WorkItem
from lethe_processors.errors import CredentialMissing
from lethe_processors.register import Processor, Register
from lethe_processors.runner import Settled
from lethe_processors.runner.answers import to_json
from lethe_processors.worker import Bench, Connectors, Desk, Opened, acknowledge, admit, limits_of_all, refuse
from lethe_testkit import tasks
from lethe_testkit.tasks import NOW, processor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from lethe_events import Record
    from lethe_processors.connector import ExportSink

ERASE = frozenset({Verb.ERASE})


def task(number: int = 1, **changes: Any) -> TaskRequested:
    return replace(tasks.task("shop", Verb.ERASE, number), **changes)


class Registers:
    def __init__(self, *processors: Processor) -> None:
        self.register = Register(version="a" * 64, processors={p.id: p for p in processors})

    def current(self) -> Register:
        return self.register


class Fake:
    """A connector that remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    async def erase(self, items: Sequence[WorkItem]) -> list[Answer]:
        return [Answer(Outcome.DONE)] * len(items)

    async def verify(self, items: Sequence[WorkItem]) -> list[Answer]:
        return [Answer(Outcome.NOTHING_FOUND)] * len(items)

    async def export(self, items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        return [Answer(Outcome.DONE)] * len(items)

    async def close(self) -> None:
        self.closed += 1


def test_tasks_that_cannot_be_done_are_answered_before_anything_is_opened() -> None:
    shop = processor()
    assert refuse(task(), shop, ERASE) is None
    assert refuse(task(verb=Verb.EXPORT), shop, ERASE) == Answer.permanent("verb_of_another_worker")
    assert refuse(task(), None, ERASE) == Answer.transient("processor_unknown")
    assert refuse(task(controller_id="other"), shop, ERASE) == Answer.permanent("controller_not_served")
    assert refuse(task(), processor(connector={"kind": "kafka"}), ERASE) == Answer.permanent("kafka_native")
    lacking = refuse(task(), processor(capabilities={"verbs": ["export"]}), ERASE)
    assert lacking is not None
    assert lacking.outcome is Outcome.NEEDS_PERSON
    assert lacking.failure is not None
    assert lacking.failure.code == "verb_not_supported"


def test_a_person_who_cannot_be_found_by_any_identity_is_answered_with_evidence() -> None:
    shop = processor()
    assert admit(task(), shop, {"phone_number": ("+49",), "email": ("a@people.example",)}) is None
    answer = admit(task(), shop, {"phone_number": ("+49",), "email": ()})
    assert answer is not None
    assert answer.outcome is Outcome.NOTHING_FOUND
    assert [e.kind for e in answer.evidence] == ["no_known_identity"]
    assert answer == admit(task(), shop, {"email": (), "phone_number": ("+50",)}), "only kinds are in the evidence"


def test_a_shredded_dsr_is_never_tried_again_and_a_tampered_one_needs_a_person() -> None:
    assert admit(task(), processor(), None) == Answer.permanent("identifiers_shredded")
    tampered = admit(task(), processor(), None, tampered=True)
    assert tampered is not None
    assert tampered.outcome is Outcome.NEEDS_PERSON


DONE = Answer(
    Outcome.DONE,
    Grade.CONFIRMED_BY_API,
    counts=(Count(collection="orders", method=Method.ERASED, rows=2),),
)


def read(record: Record) -> tuple[Envelope, TaskAcknowledged]:
    received = decode(record.headers, record.value)
    assert isinstance(received.body, TaskAcknowledged)
    return received.envelope, received.body


def test_the_same_answer_is_acknowledged_in_the_same_bytes() -> None:
    settled = Settled(task(attempt=2), DONE, NOW)
    first, again = (acknowledge(settled, register_version="0" * 64, source="/worker") for _ in range(2))
    assert first == again
    envelope, ack = read(first)
    assert first.key == str(task().dsr_id).encode()
    assert (ack.task_id, ack.attempt, ack.outcome, ack.counts) == (task().task_id, 2, Outcome.DONE, DONE.counts)
    assert (ack.at, envelope.time) == (NOW, NOW)
    assert envelope.correlation_id == task().dsr_id
    assert [e.kind for e in ack.evidence] == ["stored_answer"]
    assert ack.register_version is None, "the same as the task's"
    other = acknowledge(settled._replace(task=task(attempt=3)), register_version="b" * 64, source="/worker")
    assert read(other)[0].id != envelope.id
    assert read(other)[1].register_version == "b" * 64


def test_the_evidence_of_an_answer_changes_with_the_answer_and_not_with_the_wait() -> None:
    def evidence(answer: Answer) -> str:
        record = acknowledge(Settled(task(), answer, NOW), register_version="0" * 64, source="/worker")
        return read(record)[1].evidence[-1].sha256

    assert evidence(DONE) != evidence(Answer(Outcome.DONE))
    assert evidence(DONE) == sha256_hex(canonical(json.loads(to_json(DONE)))), "of what the row of the task holds"
    assert evidence(Answer.transient("busy")) == evidence(Answer.transient("busy", retry_after=1.5))


async def redeem_all(tasks: Sequence[TaskRequested]) -> Opened:
    return Opened({t.dsr_id: {"email": (f"{t.dsr_id.int}@people.example",)} for t in tasks})


async def test_a_batch_is_answered_in_order_whatever_happens_to_each() -> None:
    seen: list[WorkItem] = []

    async def redeem(tasks: Sequence[TaskRequested]) -> Opened:
        opened = await redeem_all(tasks)
        kept = {d: i for d, i in opened.identifiers.items() if d.int not in {3, 4}}
        return Opened({**kept, uuid.UUID(int=5): {"phone_number": ("+49",)}}, {uuid.UUID(int=4)})

    async def act(_: Processor, connector: object, items: Sequence[WorkItem]) -> list[Answer]:
        assert isinstance(connector, Fake)
        seen.extend(items)
        return [DONE if item.task.dsr_id.int == 1 else Answer.transient("busy") for item in items]

    bench = Bench(Registers(processor()), redeem, Connectors(lambda _: Fake()), verbs=ERASE)
    tasks = [task(1), task(2, controller_id="other"), task(3), task(4), task(5), task(6)]
    answers = await bench.carry_out("shop", tasks, act)
    assert [a.failure.code if a.failure else a.outcome for a in answers] == [
        Outcome.DONE,
        "controller_not_served",
        "identifiers_shredded",
        "identifiers_tampered",
        Outcome.NOTHING_FOUND,
        "busy",
    ]
    assert [item.task.dsr_id.int for item in seen] == [1, 6]


async def test_nothing_is_redeemed_for_tasks_that_are_refused_anyway() -> None:
    async def redeem(_: Sequence[TaskRequested]) -> Opened:
        raise AssertionError

    async def act(*_: object) -> list[Answer]:
        raise AssertionError

    refused = Answer.permanent("read_credential_writes")
    unknown = Bench(Registers(), redeem, Connectors(lambda _: Fake()), verbs=ERASE)
    guarded = Bench(Registers(processor()), redeem, Connectors(lambda _: Fake()), verbs=ERASE, guard=lambda _: refused)
    assert await unknown.carry_out("shop", [task()], act) == [Answer.transient("processor_unknown")]
    assert await guarded.carry_out("shop", [task()], act) == [refused]


async def test_a_missing_credential_needs_a_person_and_is_tried_again_when_it_is_there() -> None:
    missing = [True]

    def connect(_: Processor) -> Fake:
        if missing[0]:
            raise CredentialMissing("env:SHOP_WRITE", "set the environment variable SHOP_WRITE")
        return Fake()

    async def act(_: Processor, __: object, items: Sequence[WorkItem]) -> list[Answer]:
        return [DONE] * len(items)

    bench = Bench(Registers(processor()), redeem_all, Connectors(connect), verbs=ERASE)
    answer = (await bench.carry_out("shop", [task()], act))[0]
    assert answer.outcome is Outcome.NEEDS_PERSON
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.code) == (FailureKind.PERMANENT, "credential_missing")
    missing[0] = False
    assert await bench.carry_out("shop", [task()], act) == [DONE]


async def test_a_connector_is_kept_until_its_entry_changes_and_closed_after_its_last_call() -> None:
    made: list[Fake] = []

    def connect(_: Processor) -> Fake:
        made.append(Fake())
        return made[-1]

    connectors = Connectors(connect)
    async with connectors.use(processor()) as old:
        async with connectors.use(processor()) as same:
            assert same is old
            async with connectors.use(processor(batch=7)) as new:
                assert new is not old
        assert made[0].closed == 0, "a call is still under way on it"
    assert [c.closed for c in made] == [1, 0]
    await connectors.close()
    assert [c.closed for c in made] == [1, 1]


def test_the_limits_are_those_of_the_register() -> None:
    http = processor(rate={"per_second": 5}, concurrency=2, batch=7, retries={"max_attempts": 3, "first": "PT1S"})
    registers = Registers(http, processor("native", connector={"kind": "kafka"}))
    limits = limits_of_all(registers.current(), call_timeout=9)
    assert set(limits) == {"shop"}, "a Kafka-native processor takes its tasks itself"
    assert (limits["shop"].per_second, limits["shop"].concurrency, limits["shop"].batch) == (5, 2, 7)
    assert (limits["shop"].max_tries, limits["shop"].first_backoff, limits["shop"].call_timeout) == (3, 1, 9)


class Delivery:
    def __init__(self, received: Received) -> None:
        self.received = received


class UnitOfWork:
    """A unit of work that keeps what it is given."""

    def __init__(self) -> None:
        self.tx = None
        self.sent: list[Record] = []
        self.parked: list[tuple[Delivery, str]] = []

    def send(self, records: Iterable[Record]) -> None:
        self.sent.extend(records)

    def park(self, message: Delivery, code: str, detail: str) -> None:
        self.parked.append((message, code))


class Queue:
    def __init__(self, answered: list[Settled]) -> None:
        self.answered = answered
        self.accepted: list[TaskRequested] = []

    async def accept(self, _: object, tasks: Sequence[TaskRequested]) -> list[Settled]:
        self.accepted.extend(tasks)
        return self.answered


async def test_a_settled_task_is_acknowledged_again_and_what_is_no_task_is_put_aside() -> None:
    known = Settled(task(1, attempt=3), DONE, NOW)
    queue, work = Queue([known]), UnitOfWork()
    desk = Desk(queue, lambda: None, register_version=lambda: "0" * 64, source="/worker")  # type: ignore[arg-type, return-value, var-annotated]
    envelope = Envelope(uuid.UUID(int=9), "/x", NOW, uuid.UUID(int=9), None)
    sealed = AuditSealed(seal=1, at=NOW, chains=0, root="0" * 64, previous="0" * 64, key_id="k", signature="x" * 86)
    stray = Delivery(Received(envelope, sealed, AuditSealed.TYPE))
    await desk.accept(work, [Delivery(Received(envelope, task(1, attempt=3))), stray])  # type: ignore[arg-type]
    assert queue.accepted == [task(1, attempt=3)]
    assert work.sent == [acknowledge(known, register_version="0" * 64, source="/worker")]
    assert work.parked == [(stray, "not_a_task")]


@pytest.mark.parametrize("settled", [[], [Settled(task(1), DONE, NOW)]])
async def test_answers_ledger_and_acks_are_one_transaction(settled: list[Settled]) -> None:
    work = UnitOfWork()
    written: list[Sequence[Settled]] = []

    @asynccontextmanager
    async def open_() -> AsyncIterator[UnitOfWork]:
        yield work

    async def on_settled(tx: object, ended: Sequence[Settled]) -> None:
        assert tx is work.tx
        written.append(ended)

    desk = Desk(Queue([]), open_, register_version=lambda: "0" * 64, source="/w", on_settled=on_settled)  # type: ignore[arg-type, var-annotated]

    async def write(tx: object) -> list[Settled]:
        assert tx is work.tx
        return settled

    await desk.settle(write)
    assert len(work.sent) == len(settled)
    assert written == ([settled] if settled else [])


async def test_corrections_are_given_to_whoever_corrects_or_looks_at_it_and_to_nobody_else() -> None:
    seen: list[WorkItem] = []

    async def redeem(tasks: Sequence[TaskRequested]) -> Opened:
        opened = await redeem_all(tasks)
        return opened._replace(corrections={t.dsr_id: {"customers.name": "Ada"} for t in tasks if t.dsr_id.int == 1})

    async def act(_: Processor, __: object, items: Sequence[WorkItem]) -> list[Answer]:
        seen.extend(items)
        return [DONE] * len(items)

    able = processor(capabilities={"verbs": ["erase", "verify", "rectify"]})
    bench = Bench(Registers(able), redeem, Connectors(lambda _: Fake()), verbs=frozenset(Verb))
    rectify = tasks.task("shop", Verb.RECTIFY, 1)
    for asked in (
        rectify,
        tasks.task("shop", Verb.VERIFY, 1, verifies=rectify.task_id),
        tasks.task("shop", Verb.RECTIFY, 2),
        tasks.task("shop", Verb.VERIFY, 1),
        task(1),
    ):
        await bench.carry_out("shop", [asked], act)
    assert [dict(item.corrections) for item in seen] == [
        {"customers.name": "Ada"},
        {"customers.name": "Ada"},
        {},
        {},
        {},
    ]
    assert "Ada" not in repr(seen[0])
