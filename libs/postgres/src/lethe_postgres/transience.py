"""Which errors are worth the same work again."""

from __future__ import annotations

import asyncpg

from lethe_postgres.errors import CommitUnknown, DatabaseError, Transient

_CLASSES = (
    "08",  # connection exceptions
    "40",  # transaction rollback: serialization failure, deadlock, completion unknown
    "53",  # insufficient resources: connections, memory, disk
    "58",  # the server's own I/O
)
_STATES = frozenset(
    {
        "25006",  # read-only: a failover has put us on a standby
        "25P03",  # idle in transaction for too long: the process was frozen
        "25P04",  # the transaction took too long: the process was frozen inside a statement
        "55006",  # object in use
        "55P03",  # lock not available
        "57014",  # query cancelled by a timeout
        "57P01",  # administrator shutdown
        "57P02",  # crash shutdown
        "57P03",  # cannot connect now: starting up
        "57P05",  # idle session timeout
    }
)


def is_transient(error: BaseException) -> bool:
    """True if doing the same work again may succeed: the connection, the server or a lock was at fault, not the work.

    An `InterfaceError` is both "connection is closed" and "wrong number of arguments" in asyncpg; only the
    first kind is transient. Cancellation is not an error and gives False.
    """
    if isinstance(error, DatabaseError):
        return isinstance(error, Transient)
    if isinstance(error, asyncpg.PostgresError):
        state = getattr(error, "sqlstate", None) or ""
        return state[:2] in _CLASSES or state in _STATES
    return lost_connection(error) or isinstance(error, TimeoutError)


def lost_connection(error: BaseException) -> bool:
    """True if the error leaves the connection unusable, so that it must be dropped."""
    if isinstance(error, asyncpg.PostgresError):
        state = getattr(error, "sqlstate", None) or ""
        return state[:2] == "08" or state in {"25P03", "25P04", "57P01", "57P02", "57P03", "57P05"}
    if isinstance(error, asyncpg.InterfaceError):
        return _speaks_of_closing(str(error))
    return isinstance(error, asyncpg.InternalClientError | OSError | EOFError | CommitUnknown) and not isinstance(
        error, TimeoutError
    )


def _speaks_of_closing(text: str) -> bool:
    lowered = text.lower()
    return "clos" in lowered or "released back to the pool" in lowered or "not initialized" in lowered
