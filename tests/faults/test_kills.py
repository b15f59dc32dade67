"""Kill -9 of any one service, of the broker and of PostgreSQL during a run of 50 sagas.

Nothing is lost, nothing doubled, and no human is needed.
"""

import asyncio
import time

import asyncpg
import pytest

from lethe_example_shop import person_number
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]
SEED = 7
SAGAS = 50
VICTIMS = ("intake", "orchestrator", "erasure_worker", "export_worker", "warehouse", "kafka", "postgres")
DOUBLED = {
    "effects": "SELECT count(*) FROM (SELECT task_id FROM erasure_worker.job GROUP BY task_id HAVING count(*) > 1) d",
    "acks": "SELECT count(*) FROM (SELECT task_id, attempt FROM orchestrator.ack GROUP BY 1, 2 HAVING count(*) > 1) d",
    "tasks": "SELECT count(*) FROM (SELECT 1 FROM orchestrator.task GROUP BY saga_id, processor_id, verb, round"
    " HAVING count(*) > 1) d",
}


async def _submit_all(journey: Journey, first: int, run: str) -> list:
    """As a support site does: the same key again until it is answered."""
    ids = []
    for number in range(first, first + SAGAS):
        person = person_number(number, SEED)
        until = time.monotonic() + 60
        while True:
            try:
                ids.append(
                    await journey.submit(
                        {"email": [person.email], "customer_id": [person.customer_no]}, key=f"{run}-{number}"
                    )
                )
                break
            except Exception:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)
    return ids


@pytest.mark.parametrize(("place", "victim"), list(enumerate(VICTIMS)), ids=VICTIMS)
async def test_a_kill_in_the_middle_of_fifty_sagas_changes_nothing_in_the_end(
    stack: Stack, place: int, victim: str, unique: str
) -> None:
    first = 101 + place * SAGAS
    async with Journey(stack) as journey:
        submitting = asyncio.ensure_future(_submit_all(journey, first, unique))  # noqa: TID251 - awaited below
        await asyncio.sleep(0.6)
        stack.kill(victim)
        ids = await submitting
        stack.wait_ready(victim)
        assert len(set(ids)) == SAGAS
        closed = await _until_closed(journey, ids)
    assert len(closed) == SAGAS
    await _nothing_doubled(stack)
    await _gone_from_the_shop(stack, first)


async def _until_closed(journey: Journey, ids: list) -> dict:
    for _ in range(50):
        try:
            return await journey.until_closed(ids, 150)
        except TimeoutError:
            raise
        except Exception:
            await asyncio.sleep(0.2)
    raise AssertionError("intake did not come back")


async def _nothing_doubled(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.database())
    found = {name: await connection.fetchval(sql) for name, sql in DOUBLED.items()}
    waiting = await connection.fetchval("SELECT count(*) FROM orchestrator.saga WHERE state <> 'closed'")
    parked = await connection.fetchval("SELECT count(*) FROM orchestrator.parked_message")
    incidents = await connection.fetchval("SELECT count(*) FROM orchestrator.incident WHERE resolved_at IS NULL")
    await connection.close()
    assert found == dict.fromkeys(DOUBLED, 0)
    assert (waiting, parked, incidents) == (0, 0, 0)


async def _gone_from_the_shop(stack: Stack, first: int) -> None:
    emails = [person_number(n, SEED).email for n in range(first, first + SAGAS)]
    connection = await asyncpg.connect(stack.postgres.rsplit("/", 1)[0] + "/shop")
    left = await connection.fetchval("SELECT count(*) FROM shop.customers WHERE lower(email) = ANY($1)", emails)
    await connection.close()
    assert left == 0
