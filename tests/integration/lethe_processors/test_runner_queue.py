"""The queue on a real PostgreSQL: nothing twice, nothing lost, whatever is asked again and whoever dies."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from lethe_processors.connector import Answer
from lethe_processors.runner import Crew, Limits, Runners, Settled
from lethe_testkit.runner import DONE, SmallWorker, task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lethe_events.models import TaskRequested
    from lethe_postgres import Database, Tx

pytestmark = pytest.mark.engines


async def test_what_rolls_back_was_never_accepted(service: SmallWorker) -> None:
    async def handler_that_fails() -> None:
        async with service.database.transaction() as tx:
            await service.queue.accept(tx, [task()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await handler_that_fails()
    assert await service.queue.pending() == {}


async def test_a_backlog_is_worked_by_deadline_and_on_one_day_in_the_order_in_which_it_came(
    service: SmallWorker,
) -> None:
    came = [task(due=0 if n == 9 else 60) for n in range(10)]
    for one in came:
        await service.accept(one)
    claimed = [{job.task.task_id for job in await service.queue.claim("shop", size, 60)} for size in (1, 3, 3, 3)]
    ids = [one.task_id for one in came]
    assert claimed == [{ids[9]}, set(ids[0:3]), set(ids[3:6]), set(ids[6:9])]


async def test_a_redelivered_task_is_answered_from_store_and_not_done_again(service: SmallWorker) -> None:
    first = task()
    async with service.running():
        await service.accept(first, first)
        await service.until(lambda: bool(service.acks))
        again = replace(first, attempt=3)
        assert await service.accept(first, task()) == [(first, DONE)]
        assert await service.accept(again, first) == [(again, DONE)], "acked with the attempt asked last"
        await service.until(lambda: len(service.acks) == 2)
    assert sum(ids.count(first.task_id) for _, _, ids in service.calls) == 1


async def test_a_task_that_failed_runs_again_under_a_higher_attempt_only(service: SmallWorker) -> None:
    answers = [Answer.permanent("refused"), DONE]

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        return [answers.pop(0) for _ in tasks]

    service.processors["shop"] = work
    first = task()
    second = replace(first, attempt=2)
    async with service.running():
        await service.accept(first)
        await service.until(lambda: bool(service.acks))
        assert await service.accept(first) == [(first, Answer.permanent("refused"))], "the same attempt: same answer"
        assert await service.accept(second) == []
        await service.until(lambda: len(service.acks) == 2)
        assert await service.accept(first) == [], "it had another answer: this one is not to be told in its name"
        assert await service.accept(second) == [(second, DONE)]
    assert service.acks[1] == (second, DONE)


async def test_an_open_task_asked_again_is_done_once_and_acked_with_the_newest_attempt(service: SmallWorker) -> None:
    release = asyncio.Event()

    async def work(tasks: Sequence[TaskRequested]) -> list[Answer]:
        await release.wait()
        return [DONE] * len(tasks)

    service.processors["shop"] = work
    first = task()
    async with service.running():
        await service.accept(first)
        await service.until(lambda: bool(service.calls))
        assert await service.accept(replace(first, attempt=2)) == []
        release.set()
        await service.until(lambda: bool(service.acks))
    assert [t.attempt for t, _ in service.acks] == [2]
    assert len(service.calls) == 1


async def test_an_answer_given_again_says_when_it_was_first_given(service: SmallWorker) -> None:
    wanted = task()
    async with service.running():
        await service.accept(wanted)
        await service.until(lambda: bool(service.acks))
    stored = await service.database.fetchval("SELECT settled_at FROM job")
    async with service.database.transaction() as tx:
        (again,) = await service.queue.accept(tx, [wanted])
    assert again.at == stored


async def test_claims_of_a_dead_instance_are_taken_over_at_once(database: Database) -> None:
    died, alive = SmallWorker(database), SmallWorker(database)
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
    frozen, alive = SmallWorker(database), SmallWorker(database)
    await frozen.accept(task())
    await frozen.queue.claim("shop", 1, 0.3)
    async with alive.running():
        await alive.until(lambda: len(alive.acks) == 1, 2)


async def test_a_zombie_cannot_answer_after_its_claim_was_taken_over(database: Database) -> None:
    zombie, alive = SmallWorker(database), SmallWorker(database)
    await zombie.accept(task())
    (job,) = await zombie.queue.claim("shop", 1, 3600)
    await alive.queue.take_over({zombie.instance})
    (taken,) = await alive.queue.claim("shop", 1, 3600)
    async with database.transaction() as tx:
        assert await zombie.queue.settle(tx, [(job, DONE)]) == []
        await zombie.queue.reschedule(tx, [(job, 0.0)])
        assert len(await alive.queue.settle(tx, [(taken, DONE)])) == 1


async def test_a_task_that_kills_its_workers_ends_as_a_failure(service: SmallWorker) -> None:
    service.limits["shop"] = Limits(max_tries=2)
    await service.accept(task())
    for _ in range(2):
        await service.queue.claim("shop", 1, 3600)
        await service.queue.take_over({service.instance})
    async with service.running():
        await service.until(lambda: bool(service.acks))
    assert service.calls == []
    assert service.acks[0][1] == Answer.transient("worker_died")


async def test_released_claims_are_as_if_never_made(service: SmallWorker) -> None:
    await service.accept(task())
    jobs = await service.queue.claim("shop", 1, 3600)
    await service.queue.release(jobs)
    assert (await service.queue.claim("shop", 1, 3600))[0].tries == 1


async def test_a_result_is_written_even_if_the_first_commit_fails(service: SmallWorker) -> None:
    real, failures = service.settle, [ConnectionResetError(), RuntimeError()]

    async def settle(write: Callable[[Tx], Awaitable[Sequence[Settled]]]) -> None:
        if failures:
            raise failures.pop()
        await real(write)

    crew = Crew(service.queue, service.work, settle, service.crew.metrics)
    service.runners = Runners(crew, limits=lambda: service.limits)
    await service.accept(task())
    async with service.running():
        await service.until(lambda: bool(service.acks))
    assert len(service.calls) == 1


async def test_two_instances_share_a_queue_and_do_nothing_twice(database: Database) -> None:
    first, second = SmallWorker(database), SmallWorker(database)
    for service in (first, second):
        service.limits["shop"] = Limits(batch=10)
    await first.accept(*[task() for _ in range(1000)])
    async with first.running(), second.running():
        await first.until(lambda: len(first.acks) + len(second.acks) == 1000, 20)
    ids = [t.task_id for t, _ in (*first.acks, *second.acks)]
    assert len(set(ids)) == 1000
    assert min(len(first.acks), len(second.acks)) > 0
