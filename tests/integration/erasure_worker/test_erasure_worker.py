"""The erasure worker as a process, on real Kafka and PostgreSQL: one effect and one answer, whatever happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest
from msgspec.structs import replace

from lethe_events.models import to_json
from lethe_events.words import Grade, Method, Outcome, Verb
from lethe_testkit.ground import eventually
from lethe_testkit.tasks import person, task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_events import TaskAcknowledged
    from lethe_testkit.workers import WorkerGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]


def erased_rows(acks: Sequence[TaskAcknowledged]) -> dict[str, int]:
    """Rows that the acks of first attempts claim to have erased, each task once."""
    rows: dict[str, int] = {}
    for ack in {a.task_id: a for a in acks}.values():
        for count in ack.counts:
            if count.method is Method.ERASED:
                rows[count.collection] = rows.get(count.collection, 0) + count.rows
    return rows


def told(acks: Sequence[TaskAcknowledged]) -> set[str]:
    """Different answers, as they are on the bus."""
    return {to_json(a).decode() for a in acks}


async def test_a_task_leads_to_erased_rows_and_one_ack(ground: WorkerGround) -> None:
    await ground.processor("shop", range(30))
    await ground.seal(range(40))
    await ground.start("erasure_worker")
    tasks = [task("shop", Verb.ERASE, n) for n in range(10)] + [task("shop", Verb.ERASE, n) for n in (35, 99)]
    await ground.ask(tasks)
    acks = await ground.expect_acks(12)
    by_dsr = {a.dsr_id: a for a in acks}
    assert len(acks) == 12
    assert all(by_dsr[person(n)].outcome is Outcome.DONE for n in range(10))
    assert by_dsr[person(35)].outcome is Outcome.NOTHING_FOUND, "sealed, but not held there"
    shredded = by_dsr[person(99)]
    assert shredded.failure is not None
    assert (shredded.outcome, shredded.failure.code) == (Outcome.FAILED, "identifiers_shredded")
    assert erased_rows(acks) == {"customers": 10, "orders": 20}
    assert await ground.left("shop") == {"customers": 20, "orders": 40}
    assert len(await ground.vault.redemptions(person(0))) == 1, "on record, once"
    assert {a.register_version for a in acks} != {None}, "the worker says which register it used"


async def test_a_task_delivered_again_is_answered_the_same_and_changes_nothing(ground: WorkerGround) -> None:
    await ground.processor("shop", range(5))
    await ground.seal(range(5))
    await ground.start("erasure_worker")
    tasks = [task("shop", Verb.ERASE, n) for n in range(5)]
    await ground.ask(tasks)
    first = await ground.expect_acks(5)
    await ground.admin.execute("INSERT INTO shop.customers VALUES (77, 'person0@people.example', 'came back')")
    await ground.ask(tasks)
    await ground.expect_acks(10)
    await ground.ask([replace(t, attempt=2) for t in tasks])
    acks = await ground.expect_acks(15)
    assert told([a for a in acks if a.attempt == 1]) == told(first), "to the byte, the time included"
    assert {(a.outcome, a.at) for a in acks if a.attempt == 2} == {(a.outcome, a.at) for a in first}
    assert await ground.left("shop") == {"customers": 1, "orders": 0}, "the task was done; new data is a new task's"


@pytest.mark.parametrize(
    ("crash_at", "grade"),
    [
        ("erasure.intended", Grade.REREAD_ABSENT),  # nothing was changed yet: the erasure is told in full
        ("erasure.erased", Grade.ATTESTED),  # rows were gone, their count is lost: told with the weakest grade
    ],
)
async def test_a_worker_killed_around_the_effect_completes_it_once(
    ground: WorkerGround, crash_at: str, grade: Grade
) -> None:
    await ground.processor("shop", range(30), batch=10, concurrency=1)
    await ground.seal(range(30))
    doomed = await ground.start("erasure_worker", LETHE_CRASH_AT=f"{crash_at}:2")
    await ground.ask([task("shop", Verb.ERASE, n) for n in range(30)])
    assert await doomed.ended() == 137
    assert 0 < (await ground.left("shop"))["customers"] < 30, "it died in the middle"
    await ground.start("erasure_worker")
    acks = await ground.expect_acks(30, tasks=True)
    assert len(told(acks)) == len({a.task_id for a in acks}) == 30
    assert {a.outcome for a in acks} == {Outcome.DONE}
    assert await ground.left("shop") == {"customers": 0, "orders": 0}
    lost = [a for a in acks if not a.counts]
    assert bool(lost) == (grade is Grade.ATTESTED)
    assert all(a.grade is Grade.ATTESTED and a.evidence[-2].kind == "absent_after_ask" for a in lost)
    told_in_full = 30 - len(lost)
    assert erased_rows(acks) == {"customers": told_in_full, "orders": 2 * told_in_full}, "nothing is claimed twice"


async def test_killed_at_any_time_every_task_is_done_and_answered_once(ground: WorkerGround) -> None:
    everybody = range(400)
    await ground.processor("shop", everybody, batch=10)
    await ground.seal(everybody)
    await ground.ask([task("shop", Verb.ERASE, n) for n in everybody])
    for pause in (0.05, 0.15, 0.25):
        worker = await ground.start("erasure_worker")
        await worker.port()
        await asyncio.sleep(pause)
        await worker.kill()
    await ground.start("erasure_worker")
    acks = await ground.expect_acks(400, tasks=True)
    assert len({a.task_id for a in acks}) == 400
    assert len(told(acks)) == 400, "an ack that was sent twice says the same twice"
    assert {a.outcome for a in acks} == {Outcome.DONE}
    assert await ground.left("shop") == {"customers": 0, "orders": 0}
    assert erased_rows(acks)["customers"] == 400 - sum(not a.counts for a in acks)


async def test_what_a_killed_worker_held_is_taken_over_at_once(ground: WorkerGround) -> None:
    await ground.processor("shop", range(20), batch=5)
    await ground.seal(range(20))
    first = await ground.start("erasure_worker")
    await first.port()
    second = await ground.start("erasure_worker")
    await second.port()
    lock = await asyncpg.connect(ground.dsn)
    held = lock.transaction()
    await held.start()
    await lock.execute("LOCK TABLE shop.customers IN ACCESS EXCLUSIVE MODE")
    await ground.ask([task("shop", Verb.ERASE, n) for n in range(20)])

    async def both_claimed() -> bool:
        owners = "SELECT count(*) FROM erasure_worker.job WHERE state = 'running'"
        return bool(await ground.admin.fetchval(owners) == 20)

    await eventually(both_claimed)
    await first.kill()
    await held.rollback()
    await lock.close()
    started = asyncio.get_running_loop().time()
    acks = await ground.expect_acks(20, tasks=True)
    assert asyncio.get_running_loop().time() - started < 10, "not when a lease ends, which takes minutes"
    assert {a.outcome for a in acks} == {Outcome.DONE}
    assert await second.terminate() == 0


async def test_a_processor_that_hangs_delays_nobody_elses_tasks(ground: WorkerGround) -> None:
    await ground.processor("stuck", range(60), batch=5, concurrency=2)
    await ground.processor("shop", range(60))
    await ground.seal(range(60))
    worker = await ground.start("erasure_worker")
    port = await worker.port()
    lock = await asyncpg.connect(ground.dsn)
    held = lock.transaction()
    await held.start()
    await lock.execute("LOCK TABLE stuck.customers IN ACCESS EXCLUSIVE MODE")
    await ground.ask([task("stuck", Verb.ERASE, n) for n in range(60)])
    await asyncio.sleep(0.5)
    await ground.ask([task("shop", Verb.ERASE, n) for n in range(60)])
    started = asyncio.get_running_loop().time()
    acks = await ground.expect_acks(60, 15)
    assert asyncio.get_running_loop().time() - started < 10
    assert {a.processor_id for a in acks} == {"shop"}
    async with httpx.AsyncClient() as client:
        ready = await client.get(f"http://127.0.0.1:{port}/readyz")
    assert ready.status_code == 200, ready.text
    await held.rollback()
    await lock.close()
    acks = await ground.expect_acks(120, 60)
    assert {(a.processor_id, a.outcome) for a in acks} == {("shop", Outcome.DONE), ("stuck", Outcome.DONE)}


async def test_two_requests_of_one_person_in_one_batch_do_not_claim_the_same_rows(ground: WorkerGround) -> None:
    await ground.processor("shop", range(3))
    await ground.seal(range(3))
    await ground.admin.execute("UPDATE shop.customers SET email = 'person0@people.example' WHERE id = 1")
    second = task("shop", Verb.ERASE, 1)
    async with ground.database.transaction() as tx:
        from lethe_vault import Identifiers, Sealing

        same = Identifiers({"email": ("person0@people.example",)})
        await ground.vault.seal(tx, [Sealing(person(50), person(50), "acme", same)])
    await ground.ask([task("shop", Verb.ERASE, 0), second, task("shop", Verb.ERASE, 50)])
    await ground.start("erasure_worker")
    acks = {a.dsr_id: a for a in await ground.expect_acks(3)}
    outcomes = sorted(acks[person(n)].outcome for n in (0, 50))
    assert outcomes == [Outcome.DONE, Outcome.NOTHING_FOUND]
    assert erased_rows(list(acks.values()))["customers"] == 2


async def test_a_processor_that_joins_the_register_later_is_served_without_a_restart(ground: WorkerGround) -> None:
    await ground.processor("shop", range(2))
    await ground.processor("late", range(2))
    entry = ground.directory / "register" / "late.yaml"
    text = entry.read_text()
    entry.unlink()
    await ground.seal(range(2))
    worker = await ground.start("erasure_worker")
    await worker.port()
    await ground.ask([task("late", Verb.ERASE, 0)])
    await asyncio.sleep(1.5)
    assert await ground.acks() == [], "unknown here, which may pass"
    entry.write_text(text)
    acks = await ground.expect_acks(1)
    assert acks[0].outcome is Outcome.DONE
