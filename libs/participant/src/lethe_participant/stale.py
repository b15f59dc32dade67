"""Connections to brokers that the network forgot: neither end is told, and a client waits ten seconds for an answer."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aiokafka.conn import CloseReason
from aiokafka.protocol.admin import ApiVersionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_log = logging.getLogger(__name__)
_EVERY = 0.5  # seconds
_LATE = 6  # looks at which the same answer is due: a process that was busy or frozen has not looked
_NOTICES = 2
_MOST = 20
_REST = 2.0  # seconds; what was at rest so long is asked something, so that its loss is known before it is needed
_CALM_AFTER = 60.0
_WAITS_FOR_OTHERS = frozenset({11, 14})
"""Joining a group and its plan: answered when all members have come."""


class Stale:
    """Closes connections that owe an answer for three seconds; the client asks again on new ones.

    Twice as long after the second time in a row, and after each further one, so that a broker which is slow gets its
    work done; as before after a calm minute.
    """

    def __init__(self, clients: Callable[[], Iterable[Any]]) -> None:
        """`clients`: what holds the connections in use now."""
        self._clients = clients
        self._due: WeakKeyDictionary[Any, tuple[int, int]] = WeakKeyDictionary()
        self._patience = self._next_patience = _LATE
        self._closed_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look twice a second from now on, until `end`. Idempotent."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self._again)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_EVERY, self._again)
        self._look(time.monotonic())

    def _look(self, now: float) -> None:
        if now > self._closed_at + _CALM_AFTER:
            self._patience = self._next_patience = _LATE
        connections = [c for client in self._clients() for c in list(client._conns.values()) if c.connected()]  # noqa: SLF001
        looks = {connection: self._looks(connection) for connection in connections}
        if any(count >= self._patience for count in looks.values()):
            self._close(looks, now)
            return
        for connection in connections:
            if not connection._requests and now > connection._last_action + _REST:  # noqa: SLF001
                _ask(connection)

    def _close(self, looks: Mapping[Any, int], now: float) -> None:
        # those at rest, and those that just noticed, went the same way: whoever uses them next would wait as long again
        lost = [c for c, count in looks.items() if count >= _NOTICES or not c._requests]  # noqa: SLF001
        for connection in lost:
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
        _log.warning("connections_forgotten", extra={"size": len(lost)})
        self._closed_at = now
        self._patience, self._next_patience = self._next_patience, min(_MOST, self._next_patience * 2)

    def _looks(self, connection: Any) -> int:
        """How often the answer that is due now was due before."""
        asked = connection._requests  # noqa: SLF001 - answers come in the order of questions
        if not asked:
            self._due.pop(connection, None)
            return 0
        number, question, _ = asked[0]
        if question is not None and question.API_KEY in _WAITS_FOR_OTHERS:
            return 0
        answer, looks = self._due.get(connection, (number, -1))
        looks = looks + 1 if answer == number else 0
        self._due[connection] = (number, looks)
        return looks


def _ask(connection: Any) -> None:
    connection.send(ApiVersionRequest()).close()  # nobody waits for the answer but `look`; the question is on its way
    connection._requests[-1][-1].add_done_callback(_heard)  # noqa: SLF001


def _heard(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()
