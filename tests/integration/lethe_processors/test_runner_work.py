"""The runners on a real PostgreSQL: nobody is delayed by somebody else, and nobody is worked harder than allowed."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import pytest

from lethe_events.words import Verb
from lethe_processors.connector import Answer
from lethe_processors.runner import BreakerPolicy, Job, Limits
from lethe_testkit.runner import DONE, FAST, SmallWorker, task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_events.models import TaskRequested
    from lethe_postgres import Database

pytestmark = pytest.mark.engines


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a wake-up can bring work on: the regular look comes too late for any test."""
    monkeypatch.setattr("lethe_processors.runner.runners._TICK", 3600)


@pytest.mark.usefixtures("no_looks")
async def test_an_accepted_task_wakes_its_runner_and_is_acked_once(service: SmallWorker) -> None:
    service.limits["shop"] = FAST
    async with service.running():
        for _ in range(3):
            await asyncio.sleep(0.4)  # long enough for the runner to go to sleep
            wanted = task()
            assert await service.accept(wanted) == []
            await service.until(lambda wanted=wanted: (wanted, DONE) in service.acks)  # type: ignore[misc]
    assert len(service.acks) == 3


@pytest.mark.usefixtures("no_looks")
async def test_a_slot_that_comes_free_is_used_at_once(service: SmallWorker) -> None:
    service.limits["shop"] = Limits(concurrency=1, batch=1)
    await service.accept(task(), task(), task())
    async with service.running():
        await service.until(lambda: len(service.acks) == 3)


async def test_a_task_that_waits_for_its_next_try_stops_no_other(service: SmallWorker) -> None:
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


async def test_a_transient_failure_is_tried_again_here_and_told_when_tries_are_used_up(service: SmallWorker) -> None:
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


async def test_what_waits_because_its_processor_was_away_is_tried_at_once_when_it_answers_again(
    database: Database,
) -> None:
    away = True

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        return [Answer.transient("vendor_unavailable") if away else DONE] * len(tasks)

    service = SmallWorker(database, breaker=BreakerPolicy(threshold=3, first=0.2, longest=0.2))
    service.processors["shop"] = work
    service.limits["shop"] = Limits(first_backoff=3600, max_backoff=3600)
    tasks = [task(due=n) for n in range(5)]
    async with service.running():
        await service.accept(*tasks)
        await service.until(lambda: service.result("shop", "retry") == 5)
        away = False
        await service.accept(task(due=9))
        await service.until(lambda: len(service.acks) == 6)
    assert [t.task_id for t, _ in service.acks[1:]] == [t.task_id for t in tasks], "those due first, first"


async def test_nonsense_to_the_end_is_permanent(service: SmallWorker) -> None:
    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        return [Answer.transient("nonsense_answer")] * len(tasks)

    service.processors["shop"] = work
    service.limits["shop"] = Limits(max_tries=2, first_backoff=0.01, max_backoff=0.02)
    async with service.running():
        await service.accept(task())
        await service.until(lambda: bool(service.acks))
    assert service.acks[0][1] == Answer.permanent("nonsense_answer")


async def test_a_processor_that_asks_to_wait_is_left_alone_so_long(service: SmallWorker) -> None:
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


async def test_a_processor_that_hangs_delays_no_other(service: SmallWorker) -> None:
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


async def test_what_is_due_first_is_worked_first_and_verbs_are_not_mixed(service: SmallWorker) -> None:
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


async def test_the_rate_of_a_processor_is_kept(service: SmallWorker) -> None:
    service.limits["shop"] = Limits(per_second=50, batch=50)
    await service.accept(*[task() for _ in range(100)])
    started = time.monotonic()
    async with service.running():
        await service.until(lambda: len(service.acks) == 100)
    assert time.monotonic() - started > 0.9, "50 at once, the others at 50 a second"


async def test_one_person_who_breaks_the_code_spoils_nobody_else(service: SmallWorker) -> None:
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


async def test_while_a_processor_asked_to_wait_no_tries_are_used_up(service: SmallWorker) -> None:
    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        return [Answer.transient("rate_limited", retry_after=3600)] * len(tasks)

    service.processors["shop"] = work
    service.limits["shop"] = Limits(concurrency=1, batch=5, max_backoff=3600)
    await service.accept(*[task() for _ in range(50)])
    async with service.running():
        await service.until(lambda: service.result("shop", "retry") == 5)
        await asyncio.sleep(0.6)  # two more looks
    assert len(service.calls) == 1


async def test_a_claim_whose_answer_was_lost_is_made_again_at_once(
    service: SmallWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, lost = service.queue.claim, 1

    async def claim_and_lose(processor_id: str, size: int, lease: float) -> list[Job]:
        nonlocal lost
        jobs = await claim(processor_id, size, lease)
        if jobs and lost:
            lost -= 1
            raise ConnectionResetError
        return jobs

    monkeypatch.setattr(service.queue, "claim", claim_and_lose)
    service.limits["shop"] = FAST
    await service.accept(task())
    async with service.running():
        await service.until(lambda: bool(service.acks), 5)  # its lease would last 40 s
    assert await service.database.fetchval("SELECT tries FROM job") == 1


async def test_a_database_that_drops_its_connections_loses_and_doubles_nothing(service: SmallWorker) -> None:
    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        await asyncio.sleep(0.01)
        return [DONE] * len(tasks)

    service.processors["shop"] = work
    service.limits["shop"] = Limits(concurrency=4, batch=10)
    await service.accept(*[task() for _ in range(1000)])
    async with service.running():
        for _ in range(4):
            await asyncio.sleep(0.15)
            with suppress(asyncpg.PostgresError, OSError):
                await service.database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                )
        await service.until(lambda: len({t.task_id for t, _ in service.acks}) == 1000, 30)
    states = await service.database.fetch("SELECT state, count(*) AS n FROM job GROUP BY 1")
    assert {row["state"]: row["n"] for row in states} == {"settled": 1000}


async def test_the_breaker_spares_a_processor_that_is_down_and_finds_it_up_again(database: Database) -> None:
    service = SmallWorker(database, breaker=BreakerPolicy(threshold=3, first=0.2))
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


async def test_stopping_settles_what_is_in_flight(service: SmallWorker) -> None:
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
    service = SmallWorker(database)
    service.limits = {}  # type: ignore[assignment]
    await service.accept(task("gone"))
    async with service.running():
        await service.until(lambda: bool(service.acks))


async def test_the_oldest_open_task_is_shown(service: SmallWorker) -> None:
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


async def test_five_hundred_tasks_a_second_pass_through_one_queue(service: SmallWorker) -> None:
    tasks = [task(due=n % 50) for n in range(5000)]
    started = time.monotonic()
    async with service.running():
        for n in range(0, len(tasks), 500):
            await service.accept(*tasks[n : n + 500])
        await service.until(lambda: len(service.acks) == len(tasks), 30)
    rate = len(tasks) / (time.monotonic() - started)
    print(f"accepted, worked and settled: {rate:.0f} tasks/s")
    assert rate > 500
