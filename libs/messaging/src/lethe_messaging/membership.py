"""This instance among the others: its lock, its sign of life, who else is there."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from lethe_messaging.fairness import Lease, Member
from lethe_messaging.outbox import sql
from lethe_postgres import Transient, is_transient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import asyncpg

    from lethe_messaging.settings import Tuning
    from lethe_postgres import Database

log = logging.getLogger(__name__)

_KEY_BITS = (1 << 63) - 1


class SessionTaken(Transient):
    """Our own lock is still held by a session that the server has not yet given up."""


class Beat(NamedTuple):
    """What one sign of life found: our leases that run on, the lease table, the others."""

    at: float
    """Monotonic, before the first question was asked."""
    renewed: Mapping[int, int]
    leases: Sequence[Lease]
    members: Sequence[Member]


class Membership:
    """Holds a session-level advisory lock on a connection of its own, for as long as the process lives.

    A peer that can take the lock knows at once, without waiting for a lease to run out, that this instance is gone.
    Needs a direct connection: a pooler in transaction mode would break the lock.
    """

    def __init__(self, database: Database, instance_id: UUID, service: str, tuning: Tuning) -> None:
        self.instance_id = instance_id
        self.consuming = False
        """Beats are wanted, and leases are renewed."""
        self.sharing = False
        """Peers count this instance when they work out their shares."""
        self.wants_to_lead = False
        self.leads = False
        self.trouble: str | None = "not joined yet"
        self.failed_at = float("-inf")
        self._database = database
        self._service = service
        self._tuning = tuning
        self._lock_key = instance_id.int & _KEY_BITS
        self._channel = f"lethe_{database.schema}"[:63]
        self._session: asyncpg.Connection[asyncpg.Record] | None = None
        self._last_pid: int | None = None
        """The server's process of the session last held."""
        self._wake = asyncio.Event()
        self._beats = asyncio.Condition()
        self._beat: Beat | None = None

    async def join(self) -> None:
        """Take the lock and write the instance down. Raises what asyncpg raises, and then holds no lock."""
        session = await self._open()
        try:
            await self._database.execute(sql()["forget_instances"], self.instance_id)
        except BaseException:
            session.terminate()  # or peers would believe that an instance lives which never began
            raise
        self._session = session
        self.trouble = None

    async def run(self) -> None:
        """Give a sign of life every tick, over any outage of the database, until cancelled."""
        while True:
            self._wake.clear()
            try:
                if self._session is None:
                    self._session = await self._open()
                await self._give_sign(self._session)
                self.trouble = None
            except Exception as error:
                if not is_transient(error):
                    raise
                self._lose(error)
            try:
                async with asyncio.timeout(self._tuning.tick):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def next_beat(self) -> Beat:
        """Wait for the next sign of life that succeeds."""
        async with self._beats:
            await self._beats.wait()
            assert self._beat is not None
            return self._beat

    def wake(self) -> None:
        """Do not wait for the next tick."""
        self._wake.set()

    async def tell_peers(self) -> None:
        """Something was released: peers look at once. A hint; they would see it at their next tick."""
        await self._database.execute("SELECT pg_notify($1, '')", self._channel)

    async def leave(self) -> None:
        """Let go of the lock. The row stays, so that peers can tell that this instance is gone."""
        session, self._session = self._session, None
        self.leads = False
        self.trouble = "left"
        if session is not None:
            try:
                await session.close(timeout=self._tuning.lease)
            except Exception as error:  # noqa: BLE001 - the server will notice by itself
                log.warning("the session did not close cleanly", extra={"error": type(error).__name__})

    async def _open(self) -> asyncpg.Connection[asyncpg.Record]:
        session = await self._database.session("member")
        try:
            await self._lock(session)
            await session.execute(sql()["register"], self.instance_id, self._service, self._lock_key)
            await session.add_listener(self._channel, lambda *_: self.wake())
        except BaseException:
            session.terminate()
            raise
        return session

    async def _lock(self, session: asyncpg.Connection[asyncpg.Record]) -> None:
        """The last session may live on in a server that never hears that its network forgot it: it is ended there."""
        if not await session.fetchval("SELECT pg_try_advisory_lock($1)", self._lock_key):
            if self._last_pid is not None:
                await session.fetch(sql()["end_session"], self._last_pid, self._lock_key)
            raise SessionTaken("the server still holds the lock of this instance's last session")
        self._last_pid = session.get_server_pid()

    async def _give_sign(self, session: asyncpg.Connection[asyncpg.Record]) -> None:
        at = time.monotonic()
        lease = timedelta(seconds=self._tuning.lease)
        async with asyncio.timeout(self._tuning.lease):
            renewed = await session.fetch(sql()["beat"], self.instance_id, self.sharing, lease)
            if self.wants_to_lead != self.leads:
                await self._lead_or_not(session)
            if not self.consuming:
                return
            leases = await session.fetch(sql()["leases"])
            members = await session.fetch(sql()["members"], self.instance_id, lease)
        await self._announce(
            Beat(
                at,
                {row["slot"]: row["epoch"] for row in renewed},
                [Lease(row["slot"], row["owner"], row["epoch"], row["running"]) for row in leases],
                [Member(row["instance_id"], row["alive"], row["sharing"]) for row in members],
            )
        )

    async def _lead_or_not(self, session: asyncpg.Connection[asyncpg.Record]) -> None:
        if self.wants_to_lead:
            self.leads = await session.fetchval(sql()["try_to_lead"], self._database.schema)
        else:
            self.leads = False
            await session.fetchval(sql()["stop_leading"], self._database.schema)

    async def _announce(self, beat: Beat) -> None:
        async with self._beats:
            self._beat = beat
            self._beats.notify_all()

    def _lose(self, error: Exception) -> None:
        """The session is of no more use. Others may believe us gone; whatever they take is fenced against us."""
        if self.trouble is None:
            log.warning("the session of this instance is lost", extra={"error": type(error).__name__})
        self.trouble = type(error).__name__
        self.failed_at = time.monotonic()
        self.leads = False
        session, self._session = self._session, None
        if session is not None:
            session.terminate()
