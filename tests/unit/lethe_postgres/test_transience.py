from __future__ import annotations

import asyncpg
import pytest

from lethe_postgres import CommitUnknown, TransactionAborted, Transient, is_transient, lost_connection


class Busy(Transient):
    pass


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.SerializationError("serialize"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.DiskFullError("full"),
        asyncpg.LockNotAvailableError("lock"),
        asyncpg.QueryCanceledError("statement timeout"),
        asyncpg.IdleInTransactionSessionTimeoutError("idle"),
        asyncpg.AdminShutdownError("shutdown"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("got result for unknown protocol state"),
        ConnectionResetError(),
        TimeoutError(),
        CommitUnknown("lost"),
        Busy("busy"),
    ],
)
def test_what_the_server_or_the_wire_did_is_worth_the_same_work_again(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("duplicate"),
        asyncpg.UndefinedTableError("no table"),
        asyncpg.NotNullViolationError("null"),
        asyncpg.DataError("invalid input for query argument $1"),
        asyncpg.InterfaceError("the server expects 1 argument for this query, 2 were passed"),
        TransactionAborted("swallowed"),
        ValueError("a bug"),
        KeyError("a bug"),
    ],
)
def test_what_the_work_itself_did_wrong_is_not(error: Exception) -> None:
    assert not is_transient(error)


def test_a_connection_is_dropped_only_when_it_is_unusable() -> None:
    assert lost_connection(asyncpg.InternalClientError("confused"))
    assert lost_connection(asyncpg.AdminShutdownError("shutdown"))
    assert not lost_connection(asyncpg.DeadlockDetectedError("deadlock"))
    assert not lost_connection(TimeoutError())
