"""Connections to brokers that the network forgot, found by asking the broker over another one.

A network that forgot a connection (a router that lost its table, a proxy that hangs) tells neither end, and a client
waits ten seconds for each answer: one connection after the other, one service after the other. Here an answer that is
late is compared with what the broker says to a newcomer: if it answers that one at once, the old connection is closed,
and the client does the same again on a new one. A broker that is slow is slow to newcomers as well, and is left alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from aiokafka.conn import CloseReason, create_conn
from aiokafka.protocol.admin import ApiVersionRequest

from lethe_messaging.guard import CLIENT_ERRORS, guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable

    from lethe_messaging.settings import KafkaSettings

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds
LATE = 4
"""Looks at which the same answer is still due. Looks and not seconds: a process that was frozen has not looked.

No question may wait at the broker for nearly as long: a fetch waits 0.2 s there at most.
"""
_MOST_PATIENT = 16
_CALM_AFTER = 60.0  # seconds without a connection closed here, after which patience is what it was
_ANSWERS_WITHIN = 1.0  # seconds, for a newcomer: to connect, to log in, to get an answer
_IDLE = 2.0  # seconds; a connection at rest is asked something, so that its loss is known before it is needed


class _Due(NamedTuple):
    answer: int
    looks: int


class Lookout:
    """Over all connections of one process."""

    def __init__(self, clients: Callable[[], Iterable[Any]], answers: Callable[[str, int], Awaitable[bool]]) -> None:
        """`clients`: those of aiokafka that are in use now. `answers`: whether the broker there answers a newcomer."""
        self._clients = clients
        self._answers = answers
        self._due: WeakKeyDictionary[Any, _Due] = WeakKeyDictionary()
        self._patience: dict[Hashable, int] = {}
        self._closed_at = float("-inf")
        self.closed = 0
        """Connections closed so far because they were forgotten."""

    async def run(self) -> None:
        """Look until cancelled. Whatever a client does, the timeouts remain."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - it looks into a client's own state
                log.warning("connections cannot be looked at", extra={"error": type(error).__name__})

    async def look(self) -> None:
        connections = [c for client in self._clients() for c in list(client._conns.values()) if c.connected()]  # noqa: SLF001
        late = [connection for connection in connections if self._is_late(connection)]
        for place in {_place(connection) for connection in late}:
            there = [connection for connection in late if _place(connection) == place]
            before = {connection: self._due[connection].answer for connection in there}
            if not await self._answers(*place):
                continue
            forgotten = [c for c in there if c.connected() and _awaited(c) == before[c]]
            if forgotten:
                # those at rest went the same way: whoever uses them next would wait as long again
                at_rest = [c for c in connections if _place(c) == place and c.connected() and _awaited(c) is None]
                self._close(place, [*forgotten, *at_rest])
        self._ask_idle([connection for connection in connections if connection.connected()])

    def _is_late(self, connection: Any) -> bool:
        """The same answer is due as at the last looks."""
        answer = _awaited(connection)
        if answer is None:
            self._due.pop(connection, None)
            return False
        seen = self._due.get(connection)
        looks = seen.looks + 1 if seen is not None and seen.answer == answer else 0
        self._due[connection] = _Due(answer, looks)
        return looks >= self._patience.get(_place(connection), LATE)

    def _close(self, place: Hashable, connections: list[Any]) -> None:
        """More patient each time: should the broker be slow to old ones only, this must not keep it from its work."""
        now = time.monotonic()
        if now > self._closed_at + _CALM_AFTER:
            self._patience.clear()
        self._closed_at = now
        self._patience[place] = min(_MOST_PATIENT, 2 * self._patience.get(place, LATE // 2))
        self.closed += len(connections)
        log.warning("connections to a broker were forgotten on the way", extra={"size": len(connections)})
        for connection in connections:
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)

    def _ask_idle(self, connections: Iterable[Any]) -> None:
        now = time.monotonic()
        for connection in connections:
            if _awaited(connection) is None and now > connection._last_action + _IDLE:  # noqa: SLF001
                _ask(connection)


def newcomer(settings: KafkaSettings) -> Callable[[str, int], Awaitable[bool]]:
    """Whether a broker answers a new connection at once, logged in as all others are. Never raises."""
    options = settings.client_options()
    names = ("security_protocol", "ssl_context", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password")

    async def answers(host: str, port: int) -> bool:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                with guarded():
                    connection = await create_conn(host, port, **{name: options[name] for name in names})
        except CLIENT_ERRORS:
            return False
        await asyncio.wait([connection.close()], timeout=_ANSWERS_WITHIN)
        return True

    return answers


def _place(connection: Any) -> tuple[str, int]:
    return connection.host, connection.port


def _awaited(connection: Any) -> int | None:
    """The answer that is due next, by its number; None if nothing was asked. Answers come in the order of questions."""
    asked = connection._requests  # noqa: SLF001
    return asked[0][0] if asked else None


def _ask(connection: Any) -> None:
    """Something that costs a broker nothing; nobody waits for the answer but `Lookout._is_late`."""
    try:
        waiting = connection.send(ApiVersionRequest())
    except CLIENT_ERRORS:
        return
    waiting.close()  # what waits for the answer, with a timeout; the question itself is on its way
    connection._requests[-1][-1].add_done_callback(_heard)  # noqa: SLF001


def _heard(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()  # it was closed: nobody is to be told that nobody asked
