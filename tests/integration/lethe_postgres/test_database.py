# ruff: noqa: PT012 - what is refused is the whole transaction
from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import pytest

from lethe_postgres import CommitUnknown, Database, TransactionAborted, is_transient

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
