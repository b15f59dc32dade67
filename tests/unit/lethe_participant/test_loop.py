"""Tasks in, acknowledgements out: nothing is committed before it is answered, and nothing unreadable stops it."""

from __future__ import annotations

import logging
from uuid import UUID, uuid5

import pytest

from lethe_events import ConsentChanged, ConsentState, Envelope, decode, encode
from lethe_events.ids import message_id
from lethe_events.models import SubjectObserved
from lethe_events.words import Method, Outcome, Verb
from lethe_participant import KafkaDown, Misuse, Result, Settings, Task
from lethe_participant.wire import Incoming
from lethe_testkit.participating import NAMESPACE, NOW, TOKEN, Bus, incoming, taking_part, task


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
    assert participant.connected
    assert len(calls) == 2
    assert bus.log[-3:] == ["publish 1", "commit", "close"]
    assert "reset" in bus.log


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


async def test_a_consent_is_told_by_token_with_the_request_that_carries_its_withdrawal() -> None:
    bus = Bus()
    participant = taking_part(bus)
    dsr_id = UUID("0198c0de-7a11-7000-8000-5e1f00000001")
    said = {"said_by": "person.account_page", "dsr_id": dsr_id}
    await participant.emit(participant.consent(TOKEN, "marketing.communications.email", "withdrawn", **said))
    (record,) = bus.published
    assert (record.topic, record.key) == ("subject.events", TOKEN.encode())
    body = decode(record.headers, record.value).body
    assert isinstance(body, ConsentChanged)
    assert (body.state, body.dsr_id, body.at) == (ConsentState.WITHDRAWN, dsr_id, NOW)
    with pytest.raises(ValueError, match="perhaps"):
        participant.consent(TOKEN, "marketing.communications.email", "perhaps", said_by="person")


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
