"""Drill: PostgreSQL is restored from a backup that is older than Kafka's log; runbook, "PostgreSQL from a backup".

The services find offsets older than the log and read it again from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from lethe_client.errors import Missing
from lethe_example_shop import person_number
from lethe_local.stack import databases
from lethe_local.stack.config import SERVICES
from lethe_testkit.faults.books import Books
from lethe_testkit.ground import eventually
from lethe_testkit.journey import Journey
from lethe_testkit.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
BACKUP = "lethe_backup"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Of its own: its database is thrown away."""
    with Stack(people=40) as made:
        yield made


class Deployment:
    """What an operator does to all of it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def stop(self, *but: str) -> None:
        """`but`: what is down already."""
        for service in SERVICES:
            if service not in but:
                self._stack.hold(service)

    def start(self) -> None:
        for service in SERVICES:
            self._stack.release(service)
        self._stack.wait_ready(seconds=90)

    async def back_up(self) -> None:
        await self._run(f"CREATE DATABASE {BACKUP} TEMPLATE {databases.DATABASE}")

    async def restore(self) -> None:
        """As pg_restore does: the same name, and rights on the database given anew."""
        await self._run(
            f"DROP DATABASE {databases.DATABASE} WITH (FORCE)",
            f"ALTER DATABASE {BACKUP} RENAME TO {databases.DATABASE}",
        )
        await databases.prepare(self._stack.postgres, self._stack.state)

    async def _run(self, *statements: str) -> None:
        connection = await asyncpg.connect(self._stack.postgres)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", databases.DATABASE
            )
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


async def submit(journey: Journey, numbers: range) -> dict[int, UUID]:
    return {n: await journey.submit({"email": [person_number(n, 7).email]}, key=f"k{n}") for n in numbers}


async def states(stack: Stack) -> dict[UUID, tuple[str, int]]:
    """Of every saga the orchestrator knows: its state, and how many open incidents it has."""
    connection = await asyncpg.connect(stack.database())
    try:
        rows = await connection.fetch(
            "SELECT s.id, s.state, count(i.*) AS open FROM orchestrator.saga s"
            " LEFT JOIN orchestrator.incident i ON i.saga_id = s.id AND i.resolved_at IS NULL GROUP BY s.id, s.state"
        )
    finally:
        await connection.close()
    return {row["id"]: (row["state"], row["open"]) for row in rows}


async def test_the_log_is_read_again_from_the_older_offsets_and_nothing_is_doubled_or_forgotten(stack: Stack) -> None:
    """What was accepted after the backup and is in the log waits for a person: its identifiers went with the vault."""
    deployment, books = Deployment(stack), Books(stack)
    await books.open()
    async with Journey(stack) as journey:
        over = await submit(journey, range(1, 4))
        await journey.until_closed(over.values(), 90)
        stack.hold("erasure_worker")
        begun = await submit(journey, range(4, 8))
        for dsr_id in begun.values():
            await journey.until(dsr_id, lambda saga: bool(saga.tasks), "tasks are asked for")
    deployment.stop("erasure_worker")
    await deployment.back_up()
    deployment.start()
    async with Journey(stack) as journey:
        await journey.until_closed(begun.values(), 90)
        later = await submit(journey, range(8, 11))
        await journey.until_closed(later.values(), 90)
        stack.hold("orchestrator")
        unheard = await submit(journey, range(11, 13))
        await eventually(lambda: outbox_is_empty(stack), 30)
    deployment.stop("orchestrator")
    gone = sorted((each.processor_id, each.known_by) for each in await books.read())
    await deployment.restore()
    deployment.start()
    expected = {*over.values(), *begun.values(), *later.values(), *unheard.values()}

    async def settled() -> bool:
        found = await states(stack)
        return found.keys() == expected and all(state == "closed" or incidents for state, incidents in found.values())

    await eventually(settled, 90)
    found = await states(stack)
    assert {found[i][0] for i in (*over.values(), *begun.values())} == {"closed"}
    assert all(found[i][1] for i in (*later.values(), *unheard.values())), "each waits for a person, who asks anew"
    assert sorted((each.processor_id, each.known_by) for each in await books.read()) == gone
    async with Journey(stack) as journey:
        await journey.until_closed(begun.values(), 60)  # intake has heard it too
        with pytest.raises(Missing):
            await journey.intake.dsr(later[8])
        again = await submit(journey, range(11, 12))
        assert again[11] != unheard[11], "the same key is new to a database that forgot it"
        await journey.until_closed(again.values(), 90)
    assert ("shop", person_number(11, 7).email.lower()) in {(b.processor_id, b.known_by) for b in await books.read()}


async def outbox_is_empty(stack: Stack) -> bool:
    connection = await asyncpg.connect(stack.database())
    try:
        return bool(await connection.fetchval("SELECT count(*) = 0 FROM intake.outbox"))
    finally:
        await connection.close()
