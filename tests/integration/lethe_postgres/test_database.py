# ruff: noqa: PT012 - what is refused is the whole transaction
from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from lethe_postgres import CommitUnknown, Database, TransactionAborted, is_transient
from lethe_testkit.faults.network import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    found = await Database.connect(postgres_dsn, schema="public", max_size=3, application_name="test")
    await found.execute("CREATE TABLE note (n int PRIMARY KEY, body jsonb)")
    yield found
    await found.close()


async def test_a_transaction_is_stored_as_a_whole_or_not_at_all(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO note VALUES (1, $1)", {"a": [1, "é"]})
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (2, NULL)")
            raise ZeroDivisionError
    rows = await database.fetch("SELECT n, body FROM note")
    assert [(row["n"], row["body"]) for row in rows] == [(1, {"a": [1, "é"]})]


async def test_a_swallowed_error_is_not_taken_for_a_commit(database: Database) -> None:
    with pytest.raises(TransactionAborted):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            with suppress(asyncpg.UniqueViolationError):
                await tx.execute("INSERT INTO note VALUES (1)")
    assert await database.fetchval("SELECT count(*) FROM note") == 0


async def test_a_savepoint_confines_an_expected_error(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO note VALUES (1)")
        with pytest.raises(asyncpg.UniqueViolationError):
            async with tx.transaction():
                await tx.execute("INSERT INTO note VALUES (1)")
        await tx.execute("INSERT INTO note VALUES (2)")
    assert await database.fetchval("SELECT count(*) FROM note") == 2


async def test_a_connection_cut_during_a_transaction_is_transient_and_the_pool_recovers(database: Database) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            await database.execute("SELECT pg_terminate_backend($1)", await tx.fetchval("SELECT pg_backend_pid()"))
            await tx.execute("INSERT INTO note VALUES (2)")
    assert is_transient(caught.value)
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO note VALUES (3)")
    assert [row["n"] for row in await database.fetch("SELECT n FROM note")] == [3]


async def test_a_connection_cut_before_commit_says_that_the_outcome_is_unknown(database: Database) -> None:
    with pytest.raises(CommitUnknown):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            await database.execute("SELECT pg_terminate_backend($1)", await tx.fetchval("SELECT pg_backend_pid()"))


async def test_a_frozen_transaction_loses_its_locks_within_seconds(database: Database) -> None:
    await database.execute("INSERT INTO note VALUES (1)")

    async def frozen() -> None:
        async with database.transaction() as tx:
            await tx.execute("UPDATE note SET n = 7 WHERE n = 1")
            await asyncio.sleep(7)

    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(expect_failure(frozen()))
        await asyncio.sleep(0.2)
        async with asyncio.timeout(7), database.transaction() as tx:
            await tx.execute("UPDATE note SET n = 8 WHERE n = 1")
    assert isinstance(sleeper.result(), Exception)
    assert await database.fetchval("SELECT n FROM note") == 8


async def test_a_transaction_frozen_between_two_messages_of_a_statement_loses_its_locks_too(
    database: Database, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is then waiting inside a statement, and takes the session neither for idle nor for slow."""
    monkeypatch.setattr("lethe_postgres.database.TRANSACTION_TIMEOUT", 1.0)
    frozen = await Database.connect(postgres_dsn, schema="public", min_size=1, max_size=1, application_name="test")
    await database.execute("INSERT INTO note VALUES (1)")
    with pytest.raises(Exception) as caught:  # noqa: PT011
        async with frozen.transaction() as tx:
            await tx.execute("UPDATE note SET n = 7 WHERE n = 1")
            await tx.prepare("SELECT $1::int")
            async with asyncio.timeout(8), database.transaction() as other:
                await other.execute("UPDATE note SET n = 8 WHERE n = 1")
            await tx.execute("SELECT 1")
    assert is_transient(caught.value)
    assert await database.fetchval("SELECT n FROM note") == 8
    await frozen.close()


async def expect_failure(work: object) -> BaseException | None:
    try:
        await work  # type: ignore[misc]
    except Exception as error:
        return error
    return None


async def test_a_session_outside_the_pool_keeps_its_lock_until_it_ends(database: Database) -> None:
    session = await database.session("lock")
    await session.execute("SELECT pg_advisory_lock(42)")
    assert not await database.fetchval("SELECT pg_try_advisory_xact_lock_shared(42)")
    await session.close()
    assert await database.fetchval("SELECT pg_try_advisory_xact_lock_shared(42)")


async def _served(database: Database, statements: int) -> int:
    """How many of these, one after the other, were not answered."""
    unanswered = 0
    for n in range(statements):
        try:
            async with asyncio.timeout(5), database.transaction() as tx:
                await tx.execute("INSERT INTO note VALUES ($1)", n)
        except (TimeoutError, CommitUnknown):
            unanswered += 1
    return unanswered


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lethe_postgres.database.COMMAND_TIMEOUT", 0.3)
    monkeypatch.setattr("lethe_postgres.database.PROBE_TIMEOUT", 0.2)


@pytest.fixture
async def forgettable(postgres_dsn: str, impatient: None) -> AsyncIterator[tuple[Proxy, Database]]:
    """A pool of five open connections, through a proxy."""
    parts = urlsplit(postgres_dsn)
    with Proxy("postgres") as proxy:
        proxy.target = parts.port or 5432
        dsn = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"))
        found = await Database.connect(dsn, schema="public", min_size=5, max_size=5, application_name="test")
        await found.execute("CREATE TABLE note (n int PRIMARY KEY)")
        yield proxy, found
        await found.close()


async def test_connections_that_the_network_forgot_cost_one_timeout_and_not_one_each(
    forgettable: tuple[Proxy, Database],
) -> None:
    proxy, database = forgettable
    assert proxy.forget() == 5
    assert await _served(database, 7) == 1
    assert await database.fetchval("SELECT count(*) FROM note") == 6


async def test_a_single_statement_finds_out_for_all_as_well(forgettable: tuple[Proxy, Database]) -> None:
    proxy, database = forgettable
    proxy.forget()
    with pytest.raises(TimeoutError):
        await database.fetchval("SELECT 1")
    assert await _served(database, 5) == 0


async def test_connections_forgotten_inside_a_transaction_or_during_its_commit_are_replaced_as_well(
    forgettable: tuple[Proxy, Database],
) -> None:
    proxy, database = forgettable
    with pytest.raises(TimeoutError):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (100)")
            proxy.forget()
            await tx.execute("INSERT INTO note VALUES (101)")
    assert await _served(database, 5) == 0
    with pytest.raises(CommitUnknown):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (102)")
            proxy.forget()
    assert await database.fetchval("SELECT count(*) FROM note") == 5


async def test_a_slow_statement_costs_no_connection(postgres_dsn: str, impatient: None) -> None:
    database = await Database.connect(postgres_dsn, schema="public", min_size=1, max_size=1, application_name="test")
    before = await database.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(TimeoutError):
        await database.execute("SELECT pg_sleep(2)")
    with pytest.raises(TimeoutError):
        async with database.transaction() as tx:
            await tx.execute("SELECT pg_sleep(2)")
    assert await database.fetchval("SELECT pg_backend_pid()") == before
    await database.close()


@pytest.fixture
async def watched(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Proxy, Database, Database]]:
    """A pool behind a proxy, whose lookout is quick, and one that goes straight to the server."""
    monkeypatch.setattr("lethe_postgres.asking.LOOK_EVERY", 0.05)
    monkeypatch.setattr("lethe_postgres.asking.SUSPICIOUS", 0.2)
    monkeypatch.setattr("lethe_postgres.asking._STILL", "100 ms")
    parts = urlsplit(postgres_dsn)
    with Proxy("postgres") as proxy:
        proxy.target = parts.port or 5432
        dsn = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"))
        behind = await Database.connect(dsn, schema="public", min_size=3, max_size=3, application_name="test")
        straight = await Database.connect(postgres_dsn, schema="public", min_size=1, application_name="test")
        await behind.execute("CREATE TABLE note (n int PRIMARY KEY)")
        yield proxy, behind, straight
        await behind.close()
        await straight.close()


async def test_a_forgotten_transaction_ends_on_both_sides_long_before_any_timeout(
    watched: tuple[Proxy, Database, Database],
) -> None:
    proxy, behind, straight = watched
    with pytest.raises(Exception) as caught:  # noqa: PT011
        async with behind.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            proxy.forget()
            await tx.execute("INSERT INTO note VALUES (2)")
    assert is_transient(caught.value)
    assert not isinstance(caught.value, TimeoutError), "the lookout found it, not the timeout of a statement"
    async with straight.transaction() as tx:
        await tx.execute("SET LOCAL lock_timeout = '1s'")
        await tx.execute("INSERT INTO note VALUES (1)")  # the row of the forgotten transaction is free
    async with asyncio.timeout(5):
        assert await asyncio.gather(*[behind.fetchval("SELECT count(*) FROM note") for _ in range(3)]) == [1, 1, 1]


async def test_a_commit_that_was_forgotten_on_the_way_is_told_as_unknown(
    watched: tuple[Proxy, Database, Database],
) -> None:
    proxy, behind, straight = watched
    with pytest.raises(CommitUnknown):
        async with behind.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            proxy.forget()
    assert await straight.fetchval("SELECT count(*) FROM note") == 0


async def test_a_statement_that_the_server_works_at_or_that_waits_for_a_lock_is_left_alone(
    watched: tuple[Proxy, Database, Database],
) -> None:
    _, behind, straight = watched
    before = await behind.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.8)")
    assert before in [row["pid"] for row in await straight.fetch("SELECT pid FROM pg_stat_activity")]
    async with asyncio.TaskGroup() as group, straight.transaction() as tx:
        await tx.execute("LOCK TABLE note")
        waiting = group.create_task(behind.fetchval("SELECT count(*) FROM note"))
        await tx.execute("SELECT pg_sleep(0.8)")
    assert waiting.result() == 0
