"""One credential of a database: its connections, and the plan as this role sees it."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakSet

import asyncpg

from lethe_postgres import Connection, Lookout
from lethe_processors.errors import CredentialMissing
from lethe_processors.sql.catalog import read_catalog
from lethe_processors.sql.faults import faults
from lethe_processors.sql.plan import bind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from lethe_postgres import Opened, Tx
    from lethe_processors.credentials import Credentials
    from lethe_processors.dataset import Graph
    from lethe_processors.sql.faults import Fault
    from lethe_processors.sql.plan import Plan

CONNECT_TIMEOUT = 5.0  # seconds
ACQUIRE_TIMEOUT = 10.0  # seconds to wait for a free connection
COMMAND_TIMEOUT = 60.0  # seconds; a batch of large people takes its time
PLAN_AGE = 60.0  # seconds after which the catalog is read again: a new foreign key could delete rows by itself
SHORTEST_KEY = 32  # bytes

_SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO",  # of keys as text
    "jit": "off",  # compiling short set-based statements costs more than running them
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "application_name": "lethe",
}


class Side:
    """Connects on first use. `reading` sessions cannot write, whatever rights their role has."""

    def __init__(
        self, graph: Graph, credentials: Credentials, reference: str, *, size: int, reading: bool, has_key: bool
    ) -> None:
        self._graph = graph
        self._credentials = credentials
        self._reference = reference
        self._size = size
        self._has_key = has_key
        self._session = {**_SESSION, "default_transaction_read_only": "on"} if reading else _SESSION
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opened: Opened = WeakSet()
        self._busy: set[int] = set()
        """The server's processes of the connections in use."""
        self._lookout = Lookout(self._opened, self._ask_beside, self._replace_resting)
        self._opening = asyncio.Lock()
        self._plan: tuple[Plan, list[Fault], float] | None = None
        self._clock: Callable[[], float] = time.monotonic

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        """Raises CredentialMissing, or the driver's errors if the database cannot be reached."""
        pool = await self._open()
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
            pid = connection.get_server_pid()
            self._busy.add(pid)
            try:
                yield connection
            finally:
                self._busy.discard(pid)

    async def plan(self, tx: Tx) -> tuple[Plan, list[Fault]]:
        """The plan, at most PLAN_AGE old."""
        now = self._clock()
        if self._plan is None or now - self._plan[2] > PLAN_AGE:
            plan = bind(self._graph, await read_catalog(tx, self._graph.dataset))
            self._plan = (plan, faults(plan, has_key=self._has_key), now)
        return self._plan[0], self._plan[1]

    def forget_plan(self) -> None:
        self._plan = None

    async def _open(self) -> asyncpg.Pool[asyncpg.Record]:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._credentials.resolve(self._reference),
                    min_size=0,
                    max_size=self._size,
                    init=self._prepare,
                    connection_class=Connection,
                    reset=_leave_as_is,
                    timeout=CONNECT_TIMEOUT,
                    command_timeout=COMMAND_TIMEOUT,
                    statement_cache_size=500,
                    server_settings=self._session,
                )
                self._lookout.begin()
            return self._pool

    async def _prepare(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._opened.add(connection)
        for name in ("json", "jsonb"):
            await connection.set_type_codec(
                name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads, format="text"
            )

    async def _ask_beside(self) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(
            self._credentials.resolve(self._reference),
            timeout=CONNECT_TIMEOUT,
            server_settings={"application_name": "lethe-lookout"},
        )

    def _replace_resting(self) -> None:
        """What the network forgot of those in use it forgot of those at rest."""
        for connection in list(self._opened):
            if not connection.is_closed() and connection.get_server_pid() not in self._busy:
                connection.terminate()

    async def close(self) -> None:
        await self._lookout.close()
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(ACQUIRE_TIMEOUT):
                    await pool.close()
            except TimeoutError:
                pool.terminate()


def secret_key(credentials: Credentials, reference: str | None) -> bytes | None:
    """The key of pseudonyms and evidence. Raises CredentialMissing if it is not there or too short to be one."""
    if reference is None:
        return None
    key = credentials.resolve(reference).encode()
    if len(key) < SHORTEST_KEY:
        raise CredentialMissing(reference, f"it has less than {SHORTEST_KEY} bytes: put a longer random secret there")
    return key


async def _leave_as_is(_: asyncpg.Connection[asyncpg.Record]) -> None:
    """Nothing of a session is changed here, so returning it to the pool needs no round trip."""
