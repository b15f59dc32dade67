"""Replaying every topic from offset 0, at any time later, changes nothing."""

import asyncio
import time

import asyncpg
import pytest

from lethe_events.topics import TOPICS
from lethe_example_shop import person_number
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]
CONSUMERS = ("intake", "orchestrator", "erasure_worker", "export_worker", "breach_notifier")
_FACTS = {
    "sagas": "SELECT md5(string_agg(s::text, '|' ORDER BY id)) FROM orchestrator.saga s",
    "tasks": "SELECT md5(string_agg(t::text, '|' ORDER BY saga_id, id)) FROM orchestrator.task t",
    "acks": "SELECT md5(string_agg(a::text, '|' ORDER BY a::text)) FROM orchestrator.ack a",
    "audit": "SELECT md5(string_agg(e::text, '|' ORDER BY e::text)) FROM orchestrator.audit_event e",
    "certificates": "SELECT md5(string_agg(c::text, '|' ORDER BY c::text)) FROM orchestrator.certificate c",
    "incidents": "SELECT count(*)::text FROM orchestrator.incident",
    "dsrs": "SELECT md5(string_agg(d::text, '|' ORDER BY dsr_id)) FROM intake.dsr d",
    "parked": "SELECT sum(n)::text FROM (SELECT count(*) AS n FROM orchestrator.parked_message UNION ALL "
    "SELECT count(*) FROM erasure_worker.parked_message UNION ALL SELECT count(*) FROM export_worker.parked_message) p",
}


async def facts(stack: Stack) -> dict[str, str]:
    connection = await asyncpg.connect(stack.database())
    try:
        return {name: await connection.fetchval(sql) for name, sql in _FACTS.items()}
    finally:
        await connection.close()


async def rewind(stack: Stack) -> dict[str, int]:
    """Set every consumer to offset 0; gives how far each topic had been read."""
    connection = await asyncpg.connect(stack.database())
    try:
        before: dict[str, int] = {}
        for service in CONSUMERS:
            rows = await connection.fetch(
                f"SELECT topic, sum(next_offset) AS n FROM {service}.consumer_offset GROUP BY 1"
            )
            before |= {f"{service}/{row['topic']}": int(row["n"]) for row in rows}
            await connection.execute(
                f"UPDATE {service}.consumer_offset SET next_offset = 0, owner_epoch = owner_epoch + 1"
            )
        return before
    finally:
        await connection.close()


async def caught_up(stack: Stack, before: dict[str, int]) -> None:
    until = time.monotonic() + 120
    connection = await asyncpg.connect(stack.database())
    try:
        while True:
            now: dict[str, int] = {}
            for service in CONSUMERS:
                rows = await connection.fetch(
                    f"SELECT topic, sum(next_offset) AS n FROM {service}.consumer_offset GROUP BY 1"
                )
                now |= {f"{service}/{row['topic']}": int(row["n"]) for row in rows}
            if all(now[key] >= read for key, read in before.items()):
                return
            if time.monotonic() > until:
                raise TimeoutError(f"not read again: { {k: (now[k], v) for k, v in before.items() if now[k] < v} }")
            await asyncio.sleep(0.3)
    finally:
        await connection.close()


async def test_replaying_every_topic_from_the_beginning_changes_nothing(stack: Stack) -> None:
    async with Journey(stack) as journey:
        ids = [
            await journey.submit({"email": [person_number(n, 7).email]}, export_first=n % 2 == 0) for n in range(81, 89)
        ]
        await journey.until_closed(ids, 90)
    await asyncio.sleep(1.5)
    told = await facts(stack)
    read = await rewind(stack)
    assert {key.split("/")[1] for key, n in read.items() if n} <= {t.name for t in TOPICS}
    assert read["orchestrator/dsr.acks"] > 0
    await caught_up(stack, read)
    await asyncio.sleep(1.5)
    assert await facts(stack) == told
