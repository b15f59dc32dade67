"""The SDK on a real Kafka: what was not committed comes again, and it is fast enough for a burst."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lethe_events.models import SubjectObserved
from lethe_events.topics import Topic
from lethe_events.words import Outcome, Verb
from lethe_participant import Participant, Result, Settings, Task
from lethe_testkit.native import NativeKafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID


def taking_part(kafka: NativeKafka, **settings: Any) -> Participant:
    return Participant(
        Settings(kafka.bootstrap, **settings), processor_id=kafka.processor, controller_id="acme", token_key=b"k" * 32
    )


@pytest.fixture
async def kafka(kafka_bootstrap: str, unique: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NativeKafka]:
    found = NativeKafka(kafka_bootstrap, unique)
    await found.create()
    monkeypatch.setattr("lethe_events.acks.ACKS", Topic(found.acks, "dsr_id", 0, ()))
    monkeypatch.setattr("lethe_participant.participant.SUBJECT_EVENTS", Topic(found.events, "subject_token", 0, ()))
    yield found
    await found.delete()


@asynccontextmanager
async def running(participant: Participant) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        group.create_task(participant.run())
        try:
            yield
        finally:
            participant.stop()


async def test_tasks_are_done_and_acknowledged(kafka: NativeKafka) -> None:
    participant = taking_part(kafka)

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


async def test_what_was_committed_does_not_come_again_and_the_rest_does(kafka: NativeKafka) -> None:
    done: list[UUID] = []

    async def erase(asked: Task) -> Result:
        done.append(asked.dsr_id)
        return Result.erased({"parcels": 1})

    first = taking_part(kafka)
    first.erase(erase)
    await kafka.ask(*[kafka.task(n) for n in range(10)])
    async with running(first):
        await kafka.acknowledged(10)
    await kafka.ask(*[kafka.task(n) for n in range(10, 20)])
    second = taking_part(kafka)
    second.erase(erase)
    async with running(second):
        await kafka.acknowledged(20)
    assert len(done) == len(set(done)) == 20


async def test_after_a_kill_every_task_is_still_answered(kafka: NativeKafka, unique: str) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio, lethe_events.acks as acks, lethe_participant as sdk
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


async def test_subject_events_arrive_keyed_by_token(kafka: NativeKafka) -> None:
    async with taking_part(kafka) as participant:
        tokens = [participant.token_for("email", f"p{n}@x.example") for n in range(100)]
        await participant.emit(*[participant.event("created", token) for token in tokens])
    read = await kafka.read(kafka.events, lambda found: len(found) >= 100)
    assert {r.body.subject_token for r in read if isinstance(r.body, SubjectObserved)} == set(tokens)


async def test_more_than_one_batch_of_events_arrives_whole_and_in_order(kafka: NativeKafka) -> None:
    count = 4000  # about two batches of one partition
    times = [datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=n) for n in range(count)]
    async with taking_part(kafka) as participant:
        token = participant.token_for("email", "p@x.example")
        long = [f"category.{n}.{'x' * 40}" for n in range(5)]
        await participant.emit(*[participant.event("updated", token, categories=long, at=at) for at in times])
    read = await kafka.read(kafka.events, lambda found: len(found) >= count)
    assert [r.body.at for r in read if isinstance(r.body, SubjectObserved)] == times


async def test_five_thousand_tasks_a_second_pass_through_a_handler_that_does_nothing(kafka: NativeKafka) -> None:
    count, seen, times = 20_000, 0, []
    participant = taking_part(kafka)

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
