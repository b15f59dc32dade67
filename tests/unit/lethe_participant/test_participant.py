"""What the SDK promises a product service, on a bus in memory that fails on demand."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import httpx
import pytest

from lethe_events import Envelope, ExportPart, TaskAcknowledged, decode, encode
from lethe_events.ids import message_id
from lethe_events.models import Failure, SubjectObserved
from lethe_events.subject_token import subject_token
from lethe_events.words import FailureKind, Grade, Method, Outcome, Right, Verb
from lethe_participant import KafkaDown, Masked, Misuse, Participant, Result, Retained, Settings, Task
from lethe_participant.wire import Incoming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_events import Record

KEY = b"k" * 32
NOW = datetime(2026, 5, 1, tzinfo=UTC)
NAMESPACE = UUID("00000000-0000-4000-8000-000000000000")
TOKEN = subject_token(KEY, "email", "nadia.petrova@mail.example")


def task(name: str = "nadia", *, verb: Verb = Verb.ERASE, attempt: int = 1, processor: str = "warehouse") -> Task:
    return Task(
        task_id=uuid5(NAMESPACE, f"{name}/{verb}"),
        dsr_id=uuid5(NAMESPACE, name),
        subject_ref=uuid5(NAMESPACE, f"ref/{name}"),
        controller_id="acme",
        processor_id=processor,
        right=Right.ERASURE,
        verb=verb,
        attempt=attempt,
        register_version="0" * 64,
        due_at=NOW,
        subject_tokens=(TOKEN,),
    )


def incoming(body: Task, *, traceparent: str | None = None) -> Incoming:
    envelope = Envelope(
        id=uuid5(NAMESPACE, f"m/{body.task_id}/{body.attempt}"),
        source="/orchestrator",
        time=NOW,
        correlation_id=body.dsr_id,
        causation_id=None,
        traceparent=traceparent,
    )
    record = encode("t", str(body.dsr_id), body, envelope)
    return Incoming(record.headers, record.value, "t/0/0")


class Bus:
    """Gives batches again until they are committed, as Kafka does; `failures` are raised by the next publishes."""

    def __init__(self, *batches: Sequence[Incoming]) -> None:
        self.batches = list(batches)
        self.published: list[Record] = []
        self.log: list[str] = []
        self.failures: list[Exception] = []
        self.commit_failures: list[Exception] = []
        self.participant: Participant | None = None

    async def poll(self) -> list[Incoming]:
        await asyncio.sleep(0)
        if self.batches:
            return list(self.batches[0])
        if self.participant is not None:
            self.participant.stop()
        return []

    async def publish(self, records: Sequence[Record]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.log.append(f"publish {len(records)}")
        self.published.extend(records)

    async def commit(self) -> None:
        if self.commit_failures:
            raise self.commit_failures.pop(0)
        self.log.append("commit")
        self.batches.pop(0)

    async def reset(self) -> None:
        self.log.append("reset")

    async def close(self) -> None:
        self.log.append("close")

    @property
    def acks(self) -> list[TaskAcknowledged]:
        found = [decode(r.headers, r.value).body for r in self.published]
        return [b for b in found if isinstance(b, TaskAcknowledged)]


def taking_part(bus: Bus, *, transport: httpx.AsyncBaseTransport | None = None, **settings: Any) -> Participant:
    made = Participant(
        Settings("unused", parts_url="http://parts.example", token="t0ken", **settings),
        processor_id="warehouse",
        controller_id="acme",
        token_key=KEY,
        transport=transport,
        wire=bus,
        clock=lambda: NOW,
    )
    bus.participant = made
    return made


async def test_a_task_is_acknowledged_before_it_is_committed() -> None:
    bus = Bus([incoming(task(), traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")])
    participant = taking_part(bus)

    @participant.erase
    async def erase(asked: Task) -> Result:
        assert asked.subject_tokens == (TOKEN,)
        return Result.erased({"parcels": 3, "addresses": 0})

    await participant.run()
    assert bus.log == ["publish 1", "commit", "close"]
    record = bus.published[0]
    assert (record.topic, record.key) == ("dsr.acks", str(task().dsr_id).encode())
    received = decode(record.headers, record.value)
    assert received.envelope.id == message_id(task().task_id, 1, 0), "a repeat has the same id"
    assert received.envelope.causation_id == uuid5(NAMESPACE, f"m/{task().task_id}/1")
    assert received.envelope.traceparent is not None
    ack = bus.acks[0]
    assert (ack.outcome, ack.attempt, ack.verb) == (Outcome.DONE, 1, Verb.ERASE)
    assert [(c.collection, c.method, c.rows) for c in ack.counts] == [("parcels", Method.ERASED, 3)]


@pytest.mark.parametrize("where", ["failures", "commit_failures"])
async def test_without_kafkas_word_a_task_comes_again(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lethe_participant.participant._FIRST_PAUSE", 0.0)
    bus = Bus([incoming(task())])
    getattr(bus, where).append(KafkaDown("publishing"))
    participant, calls = taking_part(bus), []

    @participant.erase
    async def erase(asked: Task) -> Result:
        calls.append(asked.task_id)
        return Result.erased({})

    await participant.run()
    assert len(calls) == 2
    assert bus.log[-3:] == ["publish 1", "commit", "close"]
    assert "reset" in bus.log


async def test_many_tasks_are_given_to_a_batch_handler_at_once() -> None:
    bus = Bus([incoming(task(f"p{n}")) for n in range(50)])
    participant, sizes = taking_part(bus), []

    @participant.erase_batch
    async def erase(tasks: Sequence[Task]) -> list[Result]:
        sizes.append(len(tasks))
        return [Result.erased({"parcels": n}) for n, _ in enumerate(tasks)]

    await participant.run()
    assert sizes == [50]
    assert [sum(c.rows for c in ack.counts) for ack in bus.acks] == list(range(50)), "each its own answer"


@pytest.mark.parametrize("many", [True, False])
async def test_one_person_who_breaks_a_handler_spoils_nobody_else(many: bool, caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus([incoming(task(f"p{n}")) for n in range(10)])
    participant, bad = taking_part(bus), task("p4").task_id

    async def one(asked: Task) -> Result:
        if asked.task_id == bad:
            raise TimeoutError("nadia.petrova@mail.example is locked")
        return Result.erased({"parcels": 1})

    async def batch(tasks: Sequence[Task]) -> list[Result]:
        return [await one(asked) for asked in tasks]

    if many:
        participant.erase_batch(batch)
    else:
        participant.erase(one)
    await participant.run()
    failed = [ack for ack in bus.acks if ack.outcome is not Outcome.DONE]
    assert [ack.task_id for ack in failed] == [bad]
    assert failed[0].failure == Failure(kind=FailureKind.TRANSIENT, code="handler_error")
    assert "nadia" not in caplog.text


async def test_a_handler_that_hangs_is_answered_for_and_does_not_stop_the_loop() -> None:
    bus = Bus([incoming(task("a")), incoming(task("b", verb=Verb.VERIFY))])
    participant = taking_part(bus, handler_timeout=0.01)

    @participant.erase
    async def erase(_: Task) -> Result:
        await asyncio.Event().wait()
        raise AssertionError

    @participant.verify_batch
    async def verify(tasks: Sequence[Task]) -> list[Result]:
        await asyncio.Event().wait()
        return []

    await participant.run()
    assert {a.failure.code for a in bus.acks if a.failure} == {"handler_timeout"}
    assert len(bus.acks) == 2


@pytest.mark.parametrize("returned", [None, [], ["done"], [Result.erased({})] * 2])
async def test_a_handler_that_returns_something_else_is_not_believed(returned: Any) -> None:
    bus = Bus([incoming(task())])
    participant = taking_part(bus)

    @participant.erase_batch
    async def erase(_: Sequence[Task]) -> list[Result]:
        return returned  # type: ignore[no-any-return]

    await participant.run()
    assert bus.acks[0].failure == Failure(kind=FailureKind.TRANSIENT, code="handler_error")


async def test_a_plain_function_runs_in_a_thread() -> None:
    bus = Bus([incoming(task())])
    participant, threads = taking_part(bus), []

    @participant.erase
    def erase(_: Task) -> Result:
        threads.append(threading.current_thread())
        return Result.erased({"parcels": 1})

    await participant.run()
    assert threads[0] is not threading.main_thread()
    assert bus.acks[0].outcome is Outcome.DONE


async def test_a_verb_without_handler_is_told_to_a_person() -> None:
    bus = Bus([incoming(task(verb=Verb.VERIFY))])
    await taking_part(bus).run()
    assert bus.acks[0].failure == Failure(kind=FailureKind.PERMANENT, code="verb_not_handled")


async def test_what_cannot_be_read_and_what_is_not_ours_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    good = incoming(task())
    observed = SubjectObserved(
        processor_id="warehouse", controller_id="acme", subject_token=TOKEN, kind="created", at=NOW
    )
    envelope = Envelope(id=NAMESPACE, source="/x", time=NOW, correlation_id=NAMESPACE, causation_id=None)
    other = encode("t", "k", observed, envelope)
    bus = Bus(
        [
            Incoming(good.headers, b"{nadia", "t/0/1"),
            Incoming((), None, "t/0/2"),
            Incoming(other.headers, other.value, "t/0/3"),
            incoming(task("other", processor="shop")),
            good,
        ]
    )
    participant, calls = taking_part(bus), []

    @participant.erase
    async def erase(asked: Task) -> Result:
        calls.append(asked.processor_id)
        return Result.erased({})

    await participant.run()
    assert calls == ["warehouse"]
    assert len(bus.acks) == 1
    assert bus.batches == [], "committed all the same"
    assert "nadia" not in caplog.text


async def test_a_task_that_came_twice_is_done_once_and_answered_with_its_newest_attempt() -> None:
    bus = Bus([incoming(task(attempt=1)), incoming(task(attempt=3)), incoming(task(attempt=2))])
    participant, calls = taking_part(bus), []

    @participant.erase
    async def erase(asked: Task) -> Result:
        calls.append(asked.attempt)
        return Result.erased({})

    await participant.run()
    assert calls == [3]
    assert [ack.attempt for ack in bus.acks] == [3]


def test_two_handlers_of_one_verb_are_refused() -> None:
    participant = taking_part(Bus())

    async def erase(_: Task) -> Result:
        return Result.erased({})

    participant.erase(erase)
    with pytest.raises(Misuse, match="two handlers"):
        participant.erase(erase)


KEPT = Retained(collection="invoices", category="user.financial", rows=2, ground="tax", article="AO § 147")


@pytest.mark.parametrize(
    ("result", "outcome", "grade"),
    [
        (Result.erased({"a": 1}), Outcome.DONE, Grade.ATTESTED),
        (Result.erased({"a": 0}), Outcome.NOTHING_FOUND, Grade.ATTESTED),
        (Result.erased({"a": 1}, retained=[KEPT]), Outcome.RETAINED, Grade.ATTESTED),
        (Result.found({}), Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT),
        (Result.found({"a": 1}), Outcome.RESIDUAL, Grade.ATTESTED),
        (Result.found({"a": 1}, retained=[KEPT]), Outcome.RESIDUAL, Grade.ATTESTED),
        (Result.found({}, retained=[KEPT]), Outcome.RETAINED, Grade.REREAD_ABSENT),
        (Result.accepted(NOW), Outcome.ACCEPTED, Grade.ATTESTED),
    ],
)
def test_the_numbers_decide_the_outcome(result: Result, outcome: Outcome, grade: Grade) -> None:
    assert (result.outcome, result.grade) == (outcome, grade)


def uploads(status: int, seen: list[httpx.Request], part: object = None) -> httpx.MockTransport:
    async def take(request: httpx.Request) -> httpx.Response:
        await request.aread()
        seen.append(request)
        return httpx.Response(status, json=part)

    return httpx.MockTransport(take)


PART = {"document_id": str(NAMESPACE), "sha256": "a" * 64, "size": 100, "records": 3, "masked": 1}


async def exporting(transport: httpx.AsyncBaseTransport, result: Result) -> TaskAcknowledged:
    bus = Bus([incoming(task(verb=Verb.EXPORT))])
    participant = taking_part(bus, transport=transport)

    @participant.export
    async def export(_: Task) -> Result:
        return result

    await participant.run()
    return bus.acks[0]


async def test_exported_records_go_to_the_export_worker_and_only_their_reference_to_kafka() -> None:
    seen: list[httpx.Request] = []
    rows: dict[str, Any] = {
        "parcels": ({"id": n, "to": "Nadia"} for n in range(2)),
        "addresses": [{"city": "Auenfeld"}],
    }
    ack = await exporting(uploads(200, seen, PART), Result.exported(rows, masked=[Masked("parcels", ("sender",), 1)]))
    assert (ack.outcome, ack.part) == (Outcome.DONE, ExportPart.model_validate(PART))
    assert {c.collection: (c.method, c.rows) for c in ack.counts} == {
        "parcels": (Method.EXPORTED, 2),
        "addresses": (Method.EXPORTED, 1),
    }
    asked = task(verb=Verb.EXPORT)
    assert str(seen[0].url) == f"http://parts.example/v1/parts/{asked.task_id}?dsr_id={asked.dsr_id}"
    assert seen[0].headers["authorization"] == "Bearer t0ken"
    assert [json.loads(line) for line in seen[0].content.splitlines()] == [
        {"collection": "parcels", "record": {"id": 0, "to": "Nadia"}},
        {"collection": "parcels", "record": {"id": 1, "to": "Nadia"}},
        {"collection": "addresses", "record": {"city": "Auenfeld"}},
        {"collection": "parcels", "masked": ["sender"], "rows": 1},
    ]


async def test_an_export_without_records_finds_nothing() -> None:
    ack = await exporting(uploads(200, [], {**PART, "records": 0}), Result.exported({"parcels": []}))
    assert ack.outcome is Outcome.NOTHING_FOUND


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (503, FailureKind.TRANSIENT, "parts_unavailable"),
        (429, FailureKind.TRANSIENT, "parts_unavailable"),
        (401, FailureKind.PERMANENT, "parts_status_401"),
        (422, FailureKind.PERMANENT, "parts_status_422"),
        (410, FailureKind.PERMANENT, "dsr_gone"),
        (200, FailureKind.TRANSIENT, "parts_answer_unknown"),
    ],
)
async def test_a_part_that_was_not_taken_fails_the_task(status: int, kind: FailureKind, code: str) -> None:
    ack = await exporting(uploads(status, [], {"detail": "nadia"}), Result.exported({"parcels": [{"id": 1}]}))
    assert ack.failure == Failure(kind=kind, code=code)
    assert ack.part is None


async def test_records_that_break_while_they_are_read_fail_their_task_only(caplog: pytest.LogCaptureFixture) -> None:
    def rows() -> Any:
        yield {"id": 1}
        raise ValueError("nadia.petrova@mail.example")

    ack = await exporting(uploads(200, [], PART), Result.exported({"parcels": rows()}))
    assert ack.failure == Failure(kind=FailureKind.TRANSIENT, code="records_error")
    assert "nadia" not in caplog.text


async def test_an_export_worker_that_is_away_is_a_transient_failure() -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("x")

    ack = await exporting(httpx.MockTransport(away), Result.exported({"parcels": [{"id": 1}]}))
    assert ack.failure == Failure(kind=FailureKind.TRANSIENT, code="parts_unreachable")


async def test_a_subject_event_names_the_person_by_token_only() -> None:
    bus = Bus()
    participant = taking_part(bus)
    token = participant.token_for("email", "  Nadia.Petrova@Mail.Example ")
    assert token == TOKEN, "normalised on both sides"
    await participant.emit(participant.event("created", token, categories=["user.contact.address"]))
    record = bus.published[0]
    assert (record.topic, record.key) == ("subject.events", TOKEN.encode())
    assert b"nadia" not in record.value.lower()
    body = decode(record.headers, record.value).body
    assert isinstance(body, SubjectObserved)
    assert (body.processor_id, body.controller_id, body.at) == ("warehouse", "acme", NOW)


async def test_an_event_that_kafka_did_not_take_is_told_to_the_caller() -> None:
    bus = Bus()
    bus.failures = [KafkaDown("publishing")]
    participant = taking_part(bus)
    with pytest.raises(KafkaDown):
        await participant.emit(participant.event("erased", TOKEN))


def test_settings_tell_what_is_missing_and_hide_secrets() -> None:
    with pytest.raises(Misuse, match="LETHE_KAFKA"):
        Settings.from_env({})
    settings = Settings.from_env({"LETHE_KAFKA": "k:1", "LETHE_PARTS_URL": "http://p", "LETHE_TOKEN": "t0ken"})
    assert (settings.kafka, settings.parts_url, settings.token) == ("k:1", "http://p", "t0ken")
    assert "t0ken" not in repr(settings)


async def test_the_sdk_logs_no_token_of_a_person(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bus = Bus([incoming(task())])
    await taking_part(bus).run()
    assert TOKEN not in caplog.text
