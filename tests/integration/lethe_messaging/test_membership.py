"""An instance among the others, when the network between it and the database forgets connections."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from lethe_events.ids import uuid7
from lethe_messaging import Tuning, migrate_messaging
from lethe_messaging.membership import Membership
from lethe_postgres import Database
from lethe_testkit.faults.network import Proxy
from lethe_testkit.ground import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HELD = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def locks_held(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(_HELD))
    finally:
        await connection.close()


async def _is(fact: bool) -> bool:
    return fact


@pytest.fixture
async def behind_proxy(postgres_dsn: str) -> AsyncIterator[tuple[Proxy, Database]]:
    parts = urlsplit(postgres_dsn)
    with Proxy("postgres") as proxy:
        proxy.target = parts.port or 5432
        dsn = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"))
        database = await Database.connect(dsn, schema="public", min_size=1, application_name="test")
        await migrate_messaging(database)
        yield proxy, database
        database.pool.terminate()  # nothing answers to an orderly end


async def test_an_instance_whose_session_was_forgotten_ends_it_and_comes_back(
    behind_proxy: tuple[Proxy, Database], postgres_dsn: str
) -> None:
    """The server never hears of it: the old session would hold this instance's own lock for ever."""
    proxy, database = behind_proxy
    membership = Membership(database, uuid7(datetime.now(UTC), os.urandom(10)), "test", Tuning(tick=0.1, lease=0.5))
    membership.consuming = True
    await membership.join()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        running = group.create_task(membership.run())
        await membership.next_beat()
        proxy.forget()
        await eventually(lambda: _is(membership.trouble is not None), 20)
        await membership.next_beat()
        assert membership.trouble is None
        assert await locks_held(postgres_dsn) == 1
        running.cancel()
    await membership.leave()


async def test_a_start_that_fails_leaves_no_lock_by_which_peers_would_believe_in_it(
    behind_proxy: tuple[Proxy, Database], postgres_dsn: str
) -> None:
    _, database = behind_proxy
    await database.execute("ALTER TABLE instance RENAME COLUMN seen_at TO spoiled")
    await database.execute("ALTER TABLE instance ADD seen_at text")
    membership = Membership(database, uuid7(datetime.now(UTC), os.urandom(10)), "test", Tuning())
    with pytest.raises(Exception, match="operator does not exist"):
        await membership.join()

    async def no_lock() -> bool:
        return await locks_held(postgres_dsn) == 0

    await eventually(no_lock, 10)
