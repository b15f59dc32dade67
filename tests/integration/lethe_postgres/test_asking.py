"""What is left behind, and what is left alone, when connections are given up."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import asyncpg
import pytest

from lethe_postgres import Database
from lethe_postgres.asking import SUSPICIOUS, Lookout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MOMENTS = 40
"""Turns of the loop after which an attempt to connect is given up; it needs fewer."""


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    made = await Database.connect(postgres_dsn, schema="public", application_name="asking", min_size=1, max_size=1)
    yield made
    await made.close()


async def test_an_attempt_to_connect_may_be_given_up_at_any_moment_and_leaves_nothing_behind(
    database: Database, postgres_dsn: str
) -> None:
    loop = asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    for moment in range(_MOMENTS):
        attempt = loop.create_task(asyncpg.connect(postgres_dsn, timeout=5))
        for _ in range(moment):
            await asyncio.sleep(0)
        attempt.cancel()
        done, _ = await asyncio.wait({attempt})
        if not done.pop().cancelled():
            await attempt.result().close()
        del attempt, done
        await asyncio.sleep(0.005)
        gc.collect()
    assert complaints == []
    assert await database.fetchval("SELECT true")


class Asked:
    """The server over another connection: it says that a session does nothing; meanwhile the answer is found."""

    def __init__(self, late: Any, found: object) -> None:
        self.late = late
        self.found = found
        self.ended = 0

    def get_server_pid(self) -> int:
        return 0

    async def fetch(self, query: str, *args: object) -> list[dict[str, int]]:
        del args
        if "terminate" in query:
            self.ended += 1
            return []
        self.late.asked_at = self.found
        return [{"pid": self.late.get_server_pid()}]


async def test_a_process_that_finds_its_answer_when_it_wakes_keeps_its_connection(database: Database) -> None:
    """It was frozen: the server waits for it, and what it waits for lies in its own socket."""
    session: Any = await database.session("late")
    found: list[bool] = []
    lookout = Lookout(WeakSet([session]), database.pool.acquire, lambda: found.append(True))
    before = time.monotonic() - SUSPICIOUS - 1
    for answer in (None, time.monotonic()):  # none is due any more; another one is
        session.asked_at = before
        beside = Asked(session, answer)
        await lookout._end_forgotten(beside)  # type: ignore[arg-type]
        assert (beside.ended, session.is_closed(), found) == (0, False, [])
    session.asked_at = before
    beside = Asked(session, before)
    await lookout._end_forgotten(beside)  # type: ignore[arg-type]
    assert (beside.ended, session.is_closed(), found) == (1, True, [True])
