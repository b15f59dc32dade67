"""The queue and its runners on a real PostgreSQL: nothing twice, nothing lost, nobody delayed by somebody else."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from lethe_events.ids import task_id, uuid7
from lethe_events.models import TaskRequested
from lethe_events.words import Outcome, Right, Verb
from lethe_postgres import Database
from lethe_processors.connector import Answer
from lethe_processors.runner import BreakerPolicy, Crew, JobQueue, Limits, RunnerMetrics, Runners

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from uuid import UUID

    from lethe_postgres import Tx
    from lethe_processors.runner import Settled

pytestmark = pytest.mark.engines

DONE = Answer(Outcome.DONE)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
FAST = Limits(first_backoff=0.02, max_backoff=0.05, call_timeout=5)


def _id() -> UUID:
    return uuid7(datetime.now(UTC), secrets.token_bytes(10))


def task(
    processor: str = "shop", *, verb: Verb = Verb.ERASE, due: int = 0, attempt: int = 1, dsr: UUID | None = None
) -> TaskRequested:
    dsr = dsr or _id()
    return TaskRequested(
        task_id=task_id(dsr, processor, verb.value, 1),
        dsr_id=dsr,
        subject_ref=dsr,
        controller_id="acme",
        processor_id=processor,
        right=Right.ERASURE,
        verb=verb,
        attempt=attempt,
        register_version="0" * 64,
        due_at=NOW + timedelta(seconds=due),
    )


class Service:
    """What a worker service brings: what the processors do, and where the acks go."""

    def __init__(self, database: Database, *, limits: dict[str, Limits] | None = None, **crew: object) -> None:
        self.database = database
        self.instance = _id()
        self.queue = JobQueue(database, instance_id=self.instance)
        self.calls: list[tuple[str, Verb, list[UUID]]] = []
        self.acks: list[tuple[TaskRequested, Answer]] = []
        self.processors: dict[str, Callable[[Sequence[TaskRequested]], Awaitable[Sequence[Answer]]]] = {}
        self.limits = defaultdict(lambda: FAST, limits or {})
        self.dead: set[UUID] = set()
        self.registry = CollectorRegistry()
        self.crew = Crew(self.queue, self._work, self._settle, RunnerMetrics(self.registry), **crew)  # type: ignore[arg-type]
        self.runners = Runners(self.crew, limits=lambda: self.limits, dead_instances=self._dead_instances)

    async def _dead_instances(self) -> set[UUID]:
        return self.dead

    async def _work(self, processor_id: str, verb: Verb, tasks: Sequence[TaskRequested]) -> Sequence[Answer]:
        self.calls.append((processor_id, verb, [t.task_id for t in tasks]))
        if processor_id in self.processors:
            return await self.processors[processor_id](tasks)
        return [DONE] * len(tasks)

    async def _settle(self, write: Callable[[Tx], Awaitable[Sequence[Settled]]]) -> None:
        async with self.database.transaction() as tx:
            settled = await write(tx)
        self.acks.extend((s.task, s.answer) for s in settled)

    async def accept(self, *tasks: TaskRequested) -> list[tuple[TaskRequested, Answer]]:
        async with self.database.transaction() as tx:
            return [(s.task, s.answer) for s in await self.queue.accept(tx, tasks)]

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - a condition over several things
                await asyncio.sleep(0.005)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.runners.run())
            try:
                yield
            finally:
                self.runners.stop()

    def result(self, processor: str, result: str) -> float:
        labels = {"processor": processor, "result": result}
        return self.registry.get_sample_value("dsr_task_attempts_total", labels) or 0


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(postgres_dsn, schema="worker", application_name="test")
    await JobQueue(database, instance_id=_id()).migrate()
    yield database
    await database.close()


@pytest.fixture
def service(database: Database) -> Service:
    return Service(database)


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a wake-up can bring work on: the regular look comes too late for any test."""
    monkeypatch.setattr("lethe_processors.runner.runners._TICK", 3600)


@pytest.mark.usefixtures("no_looks")
async def test_an_accepted_task_wakes_its_runner_and_is_acked_once(service: Service) -> None:
    service.limits["shop"] = FAST
    async with service.running():
        for _ in range(3):
            await asyncio.sleep(0.4)  # long enough for the runner to go to sleep
            wanted = task()
            assert await service.accept(wanted) == []
            await service.until(lambda wanted=wanted: (wanted, DONE) in service.acks)  # type: ignore[misc]
    assert len(service.acks) == 3


@pytest.mark.usefixtures("no_looks")
async def test_a_slot_that_comes_free_is_used_at_once(service: Service) -> None:
    service.limits["shop"] = Limits(concurrency=1, batch=1)
    await service.accept(task(), task(), task())
    async with service.running():
        await service.until(lambda: len(service.acks) == 3)


async def test_a_task_that_waits_for_its_next_try_stops_no_other(service: Service) -> None:
    erase, verify = task(due=0), task(due=1, verb=Verb.VERIFY)

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        return [Answer.transient("later") if t.verb is Verb.ERASE else DONE for t in tasks]

    service.processors["shop"] = work
    service.limits["shop"] = Limits(first_backoff=3600, max_backoff=3600)
    async with service.running():
        await service.accept(erase)
        await service.until(lambda: service.result("shop", "retry") == 1)
        await service.accept(verify, task(due=2))
        await service.until(lambda: service.result("shop", "retry") == 2)
        await service.until(lambda: bool(service.acks))
    assert service.acks == [(verify, DONE)]
    assert sum(ids.count(erase.task_id) for _, _, ids in service.calls) == 1, "nor is it tried before its time"


async def test_what_rolls_back_was_never_accepted(service: Service) -> None:
    async def handler_that_fails() -> None:
        async with service.database.transaction() as tx:
            await service.queue.accept(tx, [task()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await handler_that_fails()
    assert await service.queue.pending() == {}


async def test_a_redelivered_task_is_answered_from_store_and_not_done_again(service: Service) -> None:
    first = task()
    async with service.running():
        await service.accept(first, first)
        await service.until(lambda: bool(service.acks))
        again = first.model_copy(update={"attempt": 3})
        assert await service.accept(first, task()) == [(first, DONE)]
        assert await service.accept(again, first) == [(again, DONE)], "acked with the attempt asked last"
        await service.until(lambda: len(service.acks) == 2)
    assert sum(ids.count(first.task_id) for _, _, ids in service.calls) == 1


async def test_a_task_that_failed_runs_again_under_a_higher_attempt_only(service: Service) -> None:
    answers = [Answer.permanent("refused"), DONE]

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        return [answers.pop(0) for _ in tasks]

    service.processors["shop"] = work
    first = task()
    second = first.model_copy(update={"attempt": 2})
    async with service.running():
        await service.accept(first)
        await service.until(lambda: bool(service.acks))
        assert await service.accept(first) == [(first, Answer.permanent("refused"))], "the same attempt: same answer"
        assert await service.accept(second) == []
        await service.until(lambda: len(service.acks) == 2)
    assert service.acks[1] == (second, DONE)


async def test_an_open_task_asked_again_is_done_once_and_acked_with_the_newest_attempt(service: Service) -> None:
    release = asyncio.Event()

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        await release.wait()
        return [DONE] * len(tasks)

    service.processors["shop"] = work
    first = task()
    async with service.running():
        await service.accept(first)
        await service.until(lambda: bool(service.calls))
        assert await service.accept(first.model_copy(update={"attempt": 2})) == []
        release.set()
        await service.until(lambda: bool(service.acks))
    assert [t.attempt for t, _ in service.acks] == [2]
    assert len(service.calls) == 1


async def test_a_transient_failure_is_tried_again_here_and_told_when_tries_are_used_up(service: Service) -> None:
    times: list[float] = []

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        times.append(time.monotonic())
        return [Answer.transient("vendor_unavailable")] * len(tasks)

    service.processors["shop"] = work
    service.limits["shop"] = Limits(max_tries=3, first_backoff=0.2, max_backoff=1)
    async with service.running():
        await service.accept(task())
        await service.until(lambda: bool(service.acks))
    assert len(service.calls) == 3
    assert times[1] - times[0] > 0.1
    assert times[2] - times[1] > 0.2
    assert service.acks[0][1] == Answer.transient("vendor_unavailable")
    assert service.result("shop", "retry") == 2
    assert service.result("shop", "failed") == 1


async def test_an_answer_given_again_says_when_it_was_first_given(service: Service) -> None:
    wanted = task()
    async with service.running():
        await service.accept(wanted)
        await service.until(lambda: bool(service.acks))
    stored = await service.database.fetchval("SELECT settled_at FROM job")
    async with service.database.transaction() as tx:
        (again,) = await service.queue.accept(tx, [wanted])
    assert again.at == stored


async def test_nonsense_to_the_end_is_permanent(service: Service) -> None:
    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        return [Answer.transient("nonsense_answer")] * len(tasks)

    service.processors["shop"] = work
    service.limits["shop"] = Limits(max_tries=2, first_backoff=0.01, max_backoff=0.02)
    async with service.running():
        await service.accept(task())
        await service.until(lambda: bool(service.acks))
    assert service.acks[0][1] == Answer.permanent("nonsense_answer")


async def test_a_processor_that_asks_to_wait_is_left_alone_so_long(service: Service) -> None:
    times: list[float] = []

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        times.append(time.monotonic())
        return [Answer.transient("rate_limited", retry_after=0.6) if len(times) == 1 else DONE for _ in tasks]

    service.processors["shop"] = work
    service.limits["shop"] = Limits(first_backoff=0.01, max_backoff=5)
    async with service.running():
        await service.accept(task())
        await service.until(lambda: bool(service.acks))
    assert times[1] - times[0] >= 0.6


async def test_a_processor_that_hangs_delays_no_other(service: Service) -> None:
    async def hang(tasks: Sequence[TaskRequested]) -> list[Answer]:
        await asyncio.sleep(3600)
        return []

    service.processors["stuck"] = hang
    service.limits["stuck"] = Limits(concurrency=2, batch=1, call_timeout=2, max_tries=1)
    async with service.running():
        await service.accept(*[task("stuck") for _ in range(10)])
        await service.until(lambda: len(service.calls) == 2)
        await service.accept(*[task("shop") for _ in range(200)])
        await service.until(lambda: sum(t.processor_id == "shop" for t, _ in service.acks) == 200)
        assert sum(p == "stuck" for p, _, _ in service.calls) == 2, "both its slots still hang"
        await service.until(lambda: sum(t.processor_id == "stuck" for t, _ in service.acks) >= 4)
    assert {a for t, a in service.acks if t.processor_id == "stuck"} == {Answer.transient("call_timeout")}


async def test_what_is_due_first_is_worked_first_and_verbs_are_not_mixed(service: Service) -> None:
    late = [task(due=100 + n) for n in range(3)]
    early = [task(due=n, verb=Verb.VERIFY) for n in range(3)]
    service.limits["shop"] = Limits(concurrency=1, batch=2)
    await service.accept(*late, *early)
    async with service.running():
        await service.until(lambda: len(service.acks) == 6)
    worked = [ids for _, _, ids in service.calls]
    ids = [t.task_id for t in (*early, *late)]
    assert worked == [ids[0:2], ids[2:3], ids[3:5], ids[5:6]]
    assert [verb for _, verb, _ in service.calls] == [Verb.VERIFY, Verb.VERIFY, Verb.ERASE, Verb.ERASE]


async def test_the_rate_of_a_processor_is_kept(service: Service) -> None:
    service.limits["shop"] = Limits(per_second=50, batch=50)
    await service.accept(*[task() for _ in range(100)])
    started = time.monotonic()
    async with service.running():
        await service.until(lambda: len(service.acks) == 100)
    assert time.monotonic() - started > 0.9, "50 at once, the others at 50 a second"


async def test_one_person_who_breaks_the_code_spoils_nobody_else(service: Service) -> None:
    tasks = [task(due=n) for n in range(10)]
    bad = tasks[4].task_id

    async def work(batch: Sequence[TaskRequested]) -> list[Answer]:
        if any(t.task_id == bad for t in batch):
            raise KeyError("a programming error")
        return [DONE] * len(batch)

    service.processors["shop"] = work
    service.limits["shop"] = Limits(batch=10, max_tries=1)
    await service.accept(*tasks)
    async with service.running():
        await service.until(lambda: len(service.acks) == 10)
    assert {t.task_id for t, a in service.acks if a != DONE} == {bad}
    assert service.acks[4][1] == Answer.transient("worker_error")


async def test_the_breaker_spares_a_processor_that_is_down_and_finds_it_up_again(database: Database) -> None:
    service = Service(database, breaker=BreakerPolicy(threshold=3, first=0.2))
    down = True

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        return [Answer.transient("vendor_unavailable") if down else DONE for _ in tasks]

    def state() -> str:
        return service.runners["shop"].breaker.value

    service.processors["shop"] = work
    service.limits["shop"] = Limits(concurrency=1, batch=5, first_backoff=0.01, max_backoff=0.02)
    await service.accept(*[task() for _ in range(50)])
    async with service.running():
        await service.until(lambda: len(service.calls) == 2)
        assert [len(ids) for _, _, ids in service.calls] == [5, 1], "after the batch that opened it: one probe"
        assert state() != "closed"
        down = False
        await service.until(lambda: len(service.acks) == 50)
    assert state() == "closed"


async def test_claims_of_a_dead_instance_are_taken_over_at_once(database: Database) -> None:
    died, alive = Service(database), Service(database)
    await died.accept(*[task() for _ in range(20)])
    assert len(await died.queue.claim("shop", 20, 3600)) == 20
    async with alive.running():
        await asyncio.sleep(0.4)
        assert alive.acks == [], "its owner may still be at work"
        alive.dead.add(died.instance)
        started = time.monotonic()
        await alive.until(lambda: len(alive.acks) == 20)
    assert time.monotonic() - started < 0.6


async def test_claims_are_taken_over_when_their_lease_ends(database: Database) -> None:
    frozen, alive = Service(database), Service(database)
    await frozen.accept(task())
    await frozen.queue.claim("shop", 1, 0.3)
    async with alive.running():
        await alive.until(lambda: len(alive.acks) == 1, 2)


async def test_a_zombie_cannot_answer_after_its_claim_was_taken_over(database: Database) -> None:
    zombie, alive = Service(database), Service(database)
    await zombie.accept(task())
    (job,) = await zombie.queue.claim("shop", 1, 3600)
    await alive.queue.take_over({zombie.instance})
    (taken,) = await alive.queue.claim("shop", 1, 3600)
    async with database.transaction() as tx:
        assert await zombie.queue.settle(tx, [(job, DONE)]) == []
        await zombie.queue.reschedule(tx, [(job, 0.0)])
        assert len(await alive.queue.settle(tx, [(taken, DONE)])) == 1


async def test_a_task_that_kills_its_workers_ends_as_a_failure(service: Service) -> None:
    service.limits["shop"] = Limits(max_tries=2)
    await service.accept(task())
    for _ in range(2):
        await service.queue.claim("shop", 1, 3600)
        await service.queue.take_over({service.instance})
    async with service.running():
        await service.until(lambda: bool(service.acks))
    assert service.calls == []
    assert service.acks[0][1] == Answer.transient("worker_died")


async def test_released_claims_are_as_if_never_made(service: Service) -> None:
    await service.accept(task())
    jobs = await service.queue.claim("shop", 1, 3600)
    await service.queue.release(jobs)
    assert (await service.queue.claim("shop", 1, 3600))[0].tries == 1


async def test_a_result_is_written_even_if_the_first_commit_fails(service: Service) -> None:
    real, failures = service._settle, [ConnectionResetError(), RuntimeError()]

    async def settle(write: Callable[[Tx], Awaitable[Sequence[Settled]]]) -> None:
        if failures:
            raise failures.pop()
        await real(write)

    crew = Crew(service.queue, service._work, settle, service.crew.metrics)
    service.runners = Runners(crew, limits=lambda: service.limits)
    await service.accept(task())
    async with service.running():
        await service.until(lambda: bool(service.acks))
    assert len(service.calls) == 1


async def test_two_instances_share_a_queue_and_do_nothing_twice(database: Database) -> None:
    first, second = Service(database), Service(database)
    for service in (first, second):
        service.limits["shop"] = Limits(batch=10)
    await first.accept(*[task() for _ in range(1000)])
    async with first.running(), second.running():
        await first.until(lambda: len(first.acks) + len(second.acks) == 1000, 20)
    ids = [t.task_id for t, _ in (*first.acks, *second.acks)]
    assert len(set(ids)) == 1000
    assert min(len(first.acks), len(second.acks)) > 0


async def test_stopping_settles_what_is_in_flight(service: Service) -> None:
    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        await asyncio.sleep(0.3)
        return [DONE] * len(tasks)

    service.processors["shop"] = work
    service.limits["shop"] = Limits(concurrency=1, batch=1)
    await service.accept(task(), task())
    async with service.running():
        await service.until(lambda: bool(service.calls))
    assert len(service.acks) == 1
    assert await service.queue.foreign_owners() == set()


async def test_a_processor_that_left_the_register_still_gets_its_tasks_answered(database: Database) -> None:
    service = Service(database)
    service.limits = {}  # type: ignore[assignment]
    await service.accept(task("gone"))
    async with service.running():
        await service.until(lambda: bool(service.acks))


async def test_the_oldest_open_task_is_shown(service: Service) -> None:
    async def hang(tasks: Sequence[TaskRequested]) -> list[Answer]:
        await asyncio.sleep(0.6)
        return [DONE] * len(tasks)

    def shown() -> float | None:
        return service.registry.get_sample_value("dsr_task_oldest_pending_timestamp_seconds", {"processor": "shop"})

    service.processors["shop"] = hang
    async with service.running():
        await service.accept(task())
        await service.until(lambda: abs((shown() or 0) - time.time()) < 5)
        await service.until(lambda: bool(service.acks) and shown() == 0)


async def test_five_hundred_tasks_a_second_pass_through_one_queue(service: Service) -> None:
    tasks = [task(due=n % 50) for n in range(5000)]
    started = time.monotonic()
    async with service.running():
        for n in range(0, len(tasks), 500):
            await service.accept(*tasks[n : n + 500])
        await service.until(lambda: len(service.acks) == len(tasks), 30)
    rate = len(tasks) / (time.monotonic() - started)
    print(f"accepted, worked and settled: {rate:.0f} tasks/s")
    assert rate > 500
