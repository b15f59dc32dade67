"""Connections whose server no longer works for them, found by asking the server over another one.

A network that forgot a connection (a router that lost its table, a proxy that hangs) tells neither end. The client
waits for an answer until its timeout; the server waits for the next question, in the middle of a transaction, with all
its locks. Both are ended here within about two seconds, whatever timeouts there are.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from lethe_postgres.errors import TransactionAborted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from weakref import WeakSet

_log = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds
SUSPICIOUS = 1.0  # seconds without an answer, after which the server is asked
_STILL = "1 second"
"""How long the server must have waited for us, in its own time, while we wait for it."""
_PATIENCE = 2.0  # seconds for the server to tell
_AGAIN = 2.0  # seconds until the server is asked again when it said that it works: statements may be slow

_TOLD = """
SELECT asked.pid FROM unnest($1::integer[]) AS asked (pid)
LEFT JOIN pg_stat_activity a ON a.pid = asked.pid
WHERE pg_backend_pid() = $2
  AND (a.pid IS NULL
       OR (a.state LIKE 'idle%' OR (a.state = 'active' AND a.wait_event = 'ClientRead'))
          AND a.state_change < clock_timestamp() - $3::text::interval)
"""
"""Sessions that do nothing for us, or are gone. A pooler in between gives numbers of its own: then none is judged."""
_END = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE pid = ANY($1) AND usename = current_user"


class Connection(asyncpg.Connection):
    """A connection that knows since when it waits for an answer, and does not take a ROLLBACK for a COMMIT."""

    __slots__ = ("asked_at",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked_at: float | None = None
        """Monotonic; None while no statement is under way."""

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:  # noqa: ASYNC109
        self.asked_at = time.monotonic()
        try:
            status: str = await super().execute(query, *args, timeout=timeout)
        finally:
            self.asked_at = None
        if status == "ROLLBACK" and query == "COMMIT;":
            raise TransactionAborted("a statement of this transaction failed and its error was swallowed: let it out")
        return status

    async def _execute(self, *args: Any, **kwargs: Any) -> Any:
        """Under `fetch` and its like."""
        self.asked_at = time.monotonic()
        try:
            return await super()._execute(*args, **kwargs)  # type: ignore[misc]  # its stubs leave it out
        finally:
            self.asked_at = None


Opened: TypeAlias = "WeakSet[asyncpg.Connection[asyncpg.Record]]"


class Lookout:
    """Glances at the open connections twice a second, and asks the server only when an answer is late."""

    def __init__(
        self,
        opened: Opened,
        connect: Callable[[], Awaitable[asyncpg.Connection[asyncpg.Record]]],
        found: Callable[[], None],
    ) -> None:
        """`connect` opens a connection of its own; `found` is called when some were ended."""
        self._opened = opened
        self._connect = connect
        self._found = found
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._closed = False

    def begin(self) -> None:
        """From now on, until `close`; again after it."""
        self._closed = False
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self._glance)

    async def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    def _glance(self) -> None:
        loop = asyncio.get_running_loop()
        idle = self._asking is None or self._asking.done()
        if idle and time.monotonic() >= self._not_before and self._late():
            # not in a TaskGroup: there is none that lives as long as a pool; it is bounded, and `close` waits for it
            self._asking = loop.create_task(self._ask(), name="lethe-postgres-lookout")
        if not self._closed:
            self._timer = loop.call_later(LOOK_EVERY, self._glance)

    def _late(self) -> dict[int, tuple[Connection, float]]:
        before = time.monotonic() - SUSPICIOUS
        return {
            c.get_server_pid(): (c, c.asked_at)
            for c in list(self._opened)
            if isinstance(c, Connection) and c.asked_at is not None and c.asked_at < before and not c.is_closed()
        }

    async def _ask(self) -> None:
        """Never raises: a server that cannot be asked leaves the timeouts to find out."""
        self._not_before = time.monotonic() + _AGAIN
        with suppress(Exception):
            async with asyncio.timeout(_PATIENCE):
                connection = await self._connect()
                try:
                    await self._end_forgotten(connection)
                finally:
                    await connection.close(timeout=_PATIENCE)

    async def _end_forgotten(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        late = self._late()
        rows = await connection.fetch(_TOLD, list(late), connection.get_server_pid(), _STILL)
        dead = [pid for pid in [row["pid"] for row in rows] if _waits_still(*late[pid])]
        if not dead:
            return
        await self._end(connection, dead)
        for pid in dead:
            late[pid][0].terminate()
        _log.warning("connections were forgotten on the way", extra={"size": len(dead)})
        self._found()

    async def _end(self, connection: asyncpg.Connection[asyncpg.Record], pids: Sequence[int]) -> None:
        """On the server first, so that whoever repeats the work does not wait for the locks of the first attempt."""
        with suppress(asyncpg.PostgresError):
            await connection.fetch(_END, list(pids))


def _waits_still(connection: Connection, asked_at: float) -> bool:
    """For the same answer. A process that was frozen finds its answers when it wakes, before it gets here."""
    return connection.asked_at == asked_at
