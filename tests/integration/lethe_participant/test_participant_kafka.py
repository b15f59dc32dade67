"""The SDK on a real Kafka: what was not committed comes again, and it is fast enough for a burst."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from lethe_events import Envelope, TaskAcknowledged, decode, encode
from lethe_events.models import SubjectObserved
from lethe_events.topics import Topic
from lethe_events.words import Outcome, Right, Verb
from lethe_participant import Participant, Result, Settings, Task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from lethe_events import Received

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NAMESPACE = UUID("00000000-0000-4000-8000-000000000000")
KEY = b"k" * 32


class Kafka:
    """Topics of this test alone; the participant's acks and events are led to them."""

    def __init__(self, bootstrap: str, unique: str) -> None:
        self.bootstrap = bootstrap
        self.processor = f"warehouse-{unique}"
        self.tasks = f"dsr.tasks.{self.processor}"
        self.acks = f"dsr.acks.{unique}"
        self.events = f"subject.events.{unique}"

    def participant(self, **settings: Any) -> Participant:
        return Participant(
            Settings(self.bootstrap, **settings), processor_id=self.processor, controller_id="acme", token_key=KEY
        )

    async def ask(self, *tasks: Task) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5)
        await producer.start()
        sent = []
        for task in tasks:
            envelope = Envelope(
                id=uuid5(task.task_id, str(task.attempt)),
                source="/orchestrator",
                time=NOW,
                correlation_id=task.dsr_id,
                causation_id=None,
            )
            record = encode(self.tasks, str(task.dsr_id), task, envelope)
            sent.append(await producer.send(record.topic, record.value, record.key, headers=list(record.headers)))
        await asyncio.gather(*sent)
        await producer.stop()

    def task(self, n: int, verb: Verb = Verb.ERASE) -> Task:
        dsr = uuid5(NAMESPACE, str(n))
        return Task(
            task_id=uuid5(dsr, verb),
            dsr_id=dsr,
            subject_ref=dsr,
            controller_id="acme",
            processor_id=self.processor,
            right=Right.ERASURE,
            verb=verb,
            register_version="0" * 64,
            due_at=NOW,
            subject_tokens=("A" * 43,),
        )

    async def read(self, topic: str, until: Callable[[list[Received]], bool], seconds: float = 20) -> list[Received]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        found: list[Received] = []
        try:
            async with asyncio.timeout(seconds):
                while not until(found):
                    batches = await consumer.getmany(timeout_ms=200)
                    found += [decode(r.headers, r.value) for records in batches.values() for r in records]
        finally:
            await consumer.stop()
        return found

    async def acknowledged(self, count: int, seconds: float = 20) -> list[TaskAcknowledged]:
        """All acks once there are some of `count` different tasks."""
        read = await self.read(
            self.acks, lambda found: len({r.envelope.correlation_id for r in found}) >= count, seconds
        )
        return [r.body for r in read if isinstance(r.body, TaskAcknowledged)]


@pytest.fixture
async def kafka(kafka_bootstrap: str, unique: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kafka]:
    found = Kafka(kafka_bootstrap, unique)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    names = [found.tasks, found.acks, found.events]
    await admin.create_topics([NewTopic(name, 4, 1) for name in names])
    monkeypatch.setattr("lethe_participant.acks.ACKS", Topic(found.acks, "dsr_id", 0, ()))
    monkeypatch.setattr("lethe_participant.participant.SUBJECT_EVENTS", Topic(found.events, "subject_token", 0, ()))
    yield found
    await admin.delete_topics(names)
    await admin.close()


@asynccontextmanager
async def running(participant: Participant) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        group.create_task(participant.run())
        try:
            yield
        finally:
            participant.stop()


async def test_tasks_are_done_and_acknowledged(kafka: Kafka) -> None:
    participant = kafka.participant()

    @participant.erase
    async def erase(_: Task) -> Result:
        return Result.erased({"parcels": 2})

    @participant.verify_batch
    def verify(tasks: Sequence[Task]) -> list[Result]:
        return [Result.found({})] * len(tasks)

    await kafka.ask(*[kafka.task(n) for n in range(20)], *[kafka.task(n, Verb.VERIFY) for n in range(20, 40)])
    async with running(participant):
        acks = await kafka.acknowledged(40)
    assert [a.outcome for a in acks if a.verb is Verb.ERASE] == [Outcome.DONE] * 20
    assert [a.outcome for a in acks if a.verb is Verb.VERIFY] == [Outcome.NOTHING_FOUND] * 20


async def test_what_was_committed_does_not_come_again_and_the_rest_does(kafka: Kafka) -> None:
    done: list[UUID] = []

    async def erase(asked: Task) -> Result:
        done.append(asked.dsr_id)
        return Result.erased({"parcels": 1})

    first = kafka.participant()
    first.erase(erase)
    await kafka.ask(*[kafka.task(n) for n in range(10)])
    async with running(first):
        await kafka.acknowledged(10)
    await kafka.ask(*[kafka.task(n) for n in range(10, 20)])
    second = kafka.participant()
    second.erase(erase)
    async with running(second):
        await kafka.acknowledged(20)
    assert len(done) == len(set(done)) == 20


async def test_after_a_kill_every_task_is_still_answered(kafka: Kafka, unique: str) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio, lethe_participant.acks as acks, lethe_participant as sdk
        from lethe_events.topics import Topic
        acks.ACKS = Topic({kafka.acks!r}, "dsr_id", 0, ())
        made = sdk.Participant(sdk.Settings({kafka.bootstrap!r}, batch=20), processor_id={kafka.processor!r},
                               controller_id="acme", token_key=b"k" * 32)
        @made.erase_batch
        async def erase(tasks):
            print("batch", flush=True)
            await asyncio.sleep(0.05)
            return [sdk.Result.erased({{"parcels": 1}}) for _ in tasks]
        asyncio.run(made.run())
        """
    )
    await kafka.ask(*[kafka.task(n) for n in range(400)])
    for kill in (True, False):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, env={**os.environ}
        )
        assert process.stdout is not None
        if kill:
            for _ in range(5):
                await process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        else:
            acks = await kafka.acknowledged(400, 45)
            assert len({a.task_id for a in acks}) == 400
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def test_subject_events_arrive_keyed_by_token(kafka: Kafka) -> None:
    async with kafka.participant() as participant:
        tokens = [participant.token_for("email", f"p{n}@x.example") for n in range(100)]
        await participant.emit(*[participant.event("created", token) for token in tokens])
    read = await kafka.read(kafka.events, lambda found: len(found) >= 100)
    assert {r.body.subject_token for r in read if isinstance(r.body, SubjectObserved)} == set(tokens)


async def test_five_thousand_tasks_a_second_pass_through_a_handler_that_does_nothing(kafka: Kafka) -> None:
    count, seen, times = 20_000, 0, []
    participant = kafka.participant()

    @participant.erase_batch
    async def erase(tasks: Sequence[Task]) -> list[Result]:
        nonlocal seen
        times.append(time.monotonic())
        seen += len(tasks)
        if seen >= count:
            participant.stop()
        return [Result.erased({"parcels": 1}) for _ in tasks]

    await kafka.ask(*[kafka.task(n) for n in range(count)])
    worked = time.process_time()
    await participant.run()
    ended = time.monotonic()
    rate = count / (time.process_time() - worked)  # of one core: the machine of a test may be busy with others
    print(f"{rate:.0f} tasks per second of a core; {count / (ended - times[0]):.0f} on this machine now")
    assert rate > 5000
    assert len(await kafka.acknowledged(count, 30)) == count
