from __future__ import annotations

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Any

from lethe_participant.stale import _LATE, Stale

FETCH, JOIN = SimpleNamespace(API_KEY=1), SimpleNamespace(API_KEY=11)


class Connection:
    """What is looked at of a client's connection."""

    def __init__(self, *due: int, question: object = FETCH) -> None:
        self._last_action = 0.0
        self._requests: deque[tuple[int, object, asyncio.Future[Any]]] = deque()
        self.closed = False
        self.sent = 0
        self.due(*due, question=question)

    def due(self, *numbers: int, question: object = FETCH) -> None:
        self._requests = deque((n, question, asyncio.get_running_loop().create_future()) for n in numbers)

    def connected(self) -> bool:
        return not self.closed

    def close(self, reason: object) -> None:
        del reason
        self.closed = True

    def send(self, request: object) -> Any:
        del request
        self.sent += 1
        self._requests.append((99, FETCH, asyncio.get_running_loop().create_future()))
        return _answer()


async def _answer() -> None:
    """What a client's `send` gives to wait for."""


def look(*connections: Connection, times: int, stale: Stale | None = None, now: float = 1.0) -> Stale:
    watched = stale or Stale(list)
    watched._clients = lambda: [SimpleNamespace(_conns=dict(enumerate(connections)))]
    for _ in range(times):
        watched._look(now)
    return watched


async def test_what_owes_the_same_answer_is_closed_and_what_is_at_rest_goes_with_it() -> None:
    forgotten, at_rest, new = Connection(7), Connection(), Connection(1)
    stale = look(forgotten, at_rest, times=_LATE)
    assert not forgotten.closed
    look(forgotten, at_rest, new, times=1, stale=stale)
    assert [c.closed for c in (forgotten, at_rest, new)] == [True, True, False]


async def test_who_waits_for_the_other_members_of_the_group_is_left_alone() -> None:
    joining = Connection(7, question=JOIN)
    look(joining, times=60)
    assert not joining.closed


async def test_a_connection_that_gets_on_is_left_alone() -> None:
    busy, stale = Connection(), Stale(list)
    for n in range(60):
        busy.due(n, n + 1)
        look(busy, times=1, stale=stale)
    assert not busy.closed


async def test_a_broker_that_is_slow_is_waited_for_longer_each_time_until_a_minute_was_calm() -> None:
    stale, waited = Stale(list), []
    for now in (1.0, 2.0, 3.0, 4.0, 90.0):
        connection, count = Connection(7), 0
        while not connection.closed:
            look(connection, times=1, stale=stale, now=now)
            count += 1
        waited.append(count - 1)
    assert waited == [_LATE, _LATE, 2 * _LATE, 20, _LATE]


async def test_a_connection_at_rest_is_asked_something_so_that_its_loss_is_known() -> None:
    at_rest = Connection()
    stale = look(at_rest, times=1, now=2.5)
    assert at_rest.sent == 1
    look(at_rest, times=_LATE + 1, stale=stale, now=2.6)
    assert at_rest.closed
