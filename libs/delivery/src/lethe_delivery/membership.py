"""By which other instances see that this one lives."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from lethe_delivery.ledger import sql
from lethe_postgres import Transient

if TYPE_CHECKING:
    from uuid import UUID

    from lethe_postgres import Database

_KEY_BITS = (1 << 63) - 1


class LockTaken(Transient):
    """Our own lock is still held by a session that the server has not given up yet."""


class Membership:
    """A session-level advisory lock on a connection of its own: gone with the process, whatever it was doing.

    Needs a direct connection; a pooler in transaction mode would break the lock.
    """

    def __init__(self, database: Database, instance: UUID) -> None:
        self._database = database
        self._instance = instance
        self._session: asyncpg.Connection[asyncpg.Record] | None = None
        self._last_pid: int | None = None
        """The server's process of the session last held."""

    async def ensure(self) -> bool:
        """Hold the lock. True if it had to be taken (again)."""
        if self._session is not None and not self._session.is_closed():
            return False
        key = self._instance.int & _KEY_BITS
        session = await self._database.session("delivery")
        try:
            await self._lock(session, key)
            await session.execute(sql()["join"], self._instance, key)
        except BaseException:
            session.terminate()
            raise
        self._session = session
        return True

    async def _lock(self, session: asyncpg.Connection[asyncpg.Record], key: int) -> None:
        """The last session may live on in a server that never hears that its network forgot it: it is ended there."""
        if not await session.fetchval(sql()["hold_lock"], key):
            if self._last_pid is not None:
                await session.fetch(sql()["end_session"], self._last_pid, key)
            raise LockTaken("the lock of this instance is still held by its former session")
        self._last_pid = session.get_server_pid()

    async def leave(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await session.execute(sql()["leave"], self._instance)
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            await session.close()
