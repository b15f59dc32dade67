"""One pool per process and schema."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakSet

import asyncpg

from lethe_postgres.asking import Connection, Lookout, Opened
from lethe_postgres.errors import CommitUnknown
from lethe_postgres.transience import lost_connection
from lethe_postgres.upgrading import retrieve_lost_upgrades

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg.pool import PoolConnectionProxy

Tx: TypeAlias = "PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"
"""A connection inside a transaction that somebody else commits."""

CONNECT_TIMEOUT = 3.0  # seconds
COMMAND_TIMEOUT = 10.0  # seconds; longer than any statement should take, shorter than a person waits
ACQUIRE_TIMEOUT = 10.0  # seconds to wait for a free connection of the pool
CLOSE_TIMEOUT = 10.0  # seconds
PROBE_TIMEOUT = 3.0  # seconds for a connection to show that it lives, after a statement was not answered in time
TRANSACTION_TIMEOUT = 45.0  # seconds; longer than a handler may take

_SESSION = {
    # a frozen process must not keep its row locks: its partitions could not be taken over
    "idle_in_transaction_session_timeout": "5s",
    # plans of short set-based statements: compiling them costs more than running them
    "jit": "off",
    "timezone": "UTC",
    # the server notices within seconds that a client's machine is gone
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


_KNOWS_TRANSACTION_TIMEOUT = (17, 0)


class Database:
    """The pool of one process for one schema. Safe to share between tasks."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], opened: Opened, *, schema: str, dsn: str, application_name: str
    ) -> None:
        self.pool = pool
        self._opened = opened
        self._busy: set[int] = set()
        """The server's processes of the connections in use."""
        self.schema = schema
        self._dsn = dsn
        self._application_name = application_name
        self._lookout = Lookout(opened, self._ask_beside, self._replace_resting)
        self._lookout.begin()

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        schema: str,
        min_size: int = 2,
        max_size: int = 10,
        application_name: str,
    ) -> Database:
        """Open the pool. The schema need not exist yet: `migrate` makes it.

        Sessions are never reset between uses (that would cost a round trip per transaction): use `SET LOCAL`,
        never `SET`, and no session-level locks; for those there is `session`.
        """
        retrieve_lost_upgrades()
        opened: Opened = WeakSet()

        async def prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
            opened.add(connection)
            await _prepare(connection)

        pool = await asyncpg.create_pool(
            dsn,
            min_size=min_size,
            max_size=max_size,
            init=prepare,
            reset=_leave_as_is,
            connection_class=Connection,
            timeout=CONNECT_TIMEOUT,
            command_timeout=COMMAND_TIMEOUT,
            server_settings=_settings(schema, application_name),
        )
        return cls(pool, opened, schema=schema, dsn=dsn, application_name=application_name)

    async def session(self, purpose: str) -> asyncpg.Connection[asyncpg.Record]:
        """A connection outside the pool, for session-level locks and LISTEN. The caller closes it."""
        connection = await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_TIMEOUT,
            command_timeout=COMMAND_TIMEOUT,
            connection_class=Connection,
            server_settings=_settings(self.schema, f"{self._application_name}-{purpose}"),
        )
        await _prepare(connection)
        return connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One READ COMMITTED transaction: committed on exit, rolled back on any exception.

        Raises CommitUnknown if the connection is lost during COMMIT, TransactionAborted if a failed statement's
        error was swallowed inside.
        """
        async with self._connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except BaseException as error:
                if lost_connection(error):
                    _drop(connection)
                else:
                    await self._undo(connection, transaction)
                raise
            try:
                await transaction.commit()
            except Exception as error:
                if lost_connection(error) or isinstance(error, TimeoutError):
                    _drop(connection)
                    raise CommitUnknown("the connection was lost during COMMIT") from error
                raise

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        async with self._connection() as connection:
            return await connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        async with self._connection() as connection:
            return await connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        async with self._connection() as connection:
            return await connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> str:
        async with self._connection() as connection:
            return await connection.execute(sql, *args)

    async def close(self) -> None:
        """Wait for the connections in use (at most CLOSE_TIMEOUT), then close all. May be called twice."""
        await self._lookout.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
        """One of the pool. A statement that ends in TimeoutError puts the connection, and so the pool, to the proof."""
        async with self.pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
            pid = connection.get_server_pid()
            self._busy.add(pid)
            try:
                yield connection
            except TimeoutError:
                await self._prove(connection)
                raise
            except CommitUnknown as error:
                if isinstance(error.__cause__, TimeoutError):
                    self._replace_all(connection)
                raise
            finally:
                self._busy.discard(pid)

    async def _ask_beside(self) -> asyncpg.Connection[asyncpg.Record]:
        name = f"{self._application_name}-lookout"[:63]
        return await asyncpg.connect(
            self._dsn, timeout=PROBE_TIMEOUT, command_timeout=PROBE_TIMEOUT, server_settings={"application_name": name}
        )

    async def _undo(
        self, connection: PoolConnectionProxy[asyncpg.Record], transaction: asyncpg.transaction.Transaction
    ) -> None:
        """Roll back; never raises, since there is a first error to tell."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await transaction.rollback()
        except TimeoutError:
            self._replace_all(connection)
        except Exception:  # noqa: BLE001 - the pool drops a connection that is closed, and ends what is left open
            return

    async def _prove(self, connection: PoolConnectionProxy[asyncpg.Record]) -> None:
        """A slow statement leaves a sound connection; a network that forgot it leaves one that never answers."""
        try:
            await connection.execute("SELECT", timeout=PROBE_TIMEOUT)
        except Exception:  # noqa: BLE001 - whatever it is, it is of no more use
            self._replace_all(connection)

    def _replace_all(self, connection: PoolConnectionProxy[asyncpg.Record]) -> None:
        _drop(connection)
        self._replace_resting()

    def _replace_resting(self) -> None:
        """What silenced one connection has silenced those at rest: each would cost its next user a whole timeout."""
        for other in list(self._opened):
            if not other.is_closed() and other.get_server_pid() not in self._busy:
                other.terminate()


def _drop(connection: PoolConnectionProxy[asyncpg.Record]) -> None:
    with suppress(asyncpg.InterfaceError):  # the pool may have taken the broken connection back already
        connection.terminate()


def _settings(schema: str, application_name: str) -> dict[str, str]:
    quoted = '"' + schema.replace('"', '""') + '"'
    return {**_SESSION, "search_path": quoted, "application_name": application_name[:63]}


async def no_transaction_timeout(tx: Tx) -> None:
    """For this transaction only: it may take as long as it takes."""
    if tx.get_server_version() >= _KNOWS_TRANSACTION_TIMEOUT:
        await tx.execute("SET LOCAL transaction_timeout = 0")


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    if connection.get_server_version() >= _KNOWS_TRANSACTION_TIMEOUT:
        # between two messages of one statement a session is not idle: without this, whoever is frozen or forgotten
        # just there keeps its locks for as long as the server can reach it
        await connection.execute(f"SET transaction_timeout = {round(TRANSACTION_TIMEOUT * 1000)}")
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_to_json, decoder=json.loads, format="text")


async def _leave_as_is(_: asyncpg.Connection[asyncpg.Record]) -> None:
    """Called before a connection returns to the pool; asyncpg itself ends a transaction left open."""


def _to_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
