from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from lethe_messaging.lookout import LATE, Lookout


class Connection:
    """What is looked at of a client's connection: numbers of answers that are due, in order."""

    def __init__(self, *due: int, idle: float = 0.0) -> None:
        self.host, self.port = "broker.example", 9092
        self._requests: deque[tuple[int, None, asyncio.Future[Any]]] = deque()
        self._last_action = time.monotonic() - idle
        self.closed = False
        self.sent = 0
        self.due(*due)

    def due(self, *numbers: int) -> None:
        self._requests = deque((n, None, asyncio.get_running_loop().create_future()) for n in numbers)

    def connected(self) -> bool:
        return not self.closed

    def close(self, reason: object) -> None:
        del reason
        self.closed = True

    def send(self, request: object) -> Any:
        del request
        self.sent += 1
        self._requests.append((99, None, asyncio.get_running_loop().create_future()))
        return _answer()


class Client:
    def __init__(self, *connections: Connection) -> None:
        self._conns = dict(enumerate(connections))


class Broker:
    """Answers newcomers, or not."""

    def __init__(self, *, answers: bool = True) -> None:
        self.is_up = answers
        self.asked = 0
        self.meanwhile: Any = lambda: None

    async def answers(self, host: str, port: int) -> bool:
        assert (host, port) == ("broker.example", 9092)
        self.asked += 1
        self.meanwhile()
        return self.is_up


async def _answer() -> None:
    """What a client's `send` gives to wait for."""


async def looks(lookout: Lookout, times: int) -> None:
    for _ in range(times):
        await lookout.look()


async def test_a_connection_that_owes_an_answer_is_closed_when_the_broker_answers_a_newcomer() -> None:
    forgotten, broker = Connection(7, 8), Broker()
    lookout = Lookout(lambda: [Client(forgotten)], broker.answers)
    await looks(lookout, LATE)
    assert (broker.asked, forgotten.closed) == (0, False)
    await looks(lookout, 1)
    assert (broker.asked, forgotten.closed, lookout.closed) == (1, True, 1)


async def test_a_broker_that_is_slow_to_everybody_is_left_alone() -> None:
    slow, broker = Connection(7), Broker(answers=False)
    await looks(Lookout(lambda: [Client(slow)], broker.answers), 40)
    assert not slow.closed


async def test_a_connection_that_gets_on_is_left_alone_however_much_is_due_on_it() -> None:
    busy, broker = Connection(), Broker()
    lookout = Lookout(lambda: [Client(busy)], broker.answers)
    for n in range(40):
        busy.due(n, n + 1, n + 2)
        await lookout.look()
    assert (broker.asked, busy.closed) == (0, False)


async def test_an_answer_that_comes_while_the_newcomer_asks_saves_its_connection() -> None:
    woken, broker = Connection(7), Broker()
    broker.meanwhile = lambda: woken.due(8)
    await looks(Lookout(lambda: [Client(woken)], broker.answers), LATE + 1)
    assert broker.asked == 1
    assert not woken.closed


async def test_connections_at_rest_go_with_a_forgotten_one() -> None:
    """Whoever used them next would wait as long again."""
    forgotten, at_rest, new = Connection(7), Connection(), Connection(1)
    lookout = Lookout(lambda: [Client(forgotten), Client(at_rest)], Broker().answers)
    await looks(lookout, LATE)
    lookout._clients = lambda: [Client(forgotten), Client(at_rest), Client(new)]
    await looks(lookout, 1)
    assert (forgotten.closed, at_rest.closed, new.closed) == (True, True, False)


async def test_a_connection_at_rest_is_asked_something_now_and_then() -> None:
    at_rest, used = Connection(idle=5.0), Connection(idle=0.5)
    lookout = Lookout(lambda: [Client(at_rest, used)], Broker().answers)
    await looks(lookout, 3)
    assert (at_rest.sent, used.sent) == (1, 0), "once, as long as its answer is due"
    await looks(lookout, LATE)
    assert at_rest.closed, "it was forgotten while nobody used it"


async def test_each_connection_closed_soon_after_another_is_waited_for_longer() -> None:
    broker = Broker()
    connections = [Connection(7)]
    lookout = Lookout(lambda: [Client(*connections)], broker.answers)
    waited = []
    for _ in range(5):
        count = 0
        while not connections[0].closed:
            await lookout.look()
            count += 1
        waited.append(count - 1)
        connections = [Connection(7)]
    assert waited == [LATE, LATE, 2 * LATE, 4 * LATE, 4 * LATE]


async def test_what_cannot_be_looked_at_ends_nothing() -> None:
    lookout = Lookout(lambda: [object()], Broker().answers)
    running = asyncio.get_running_loop().create_task(lookout.run())
    done, _ = await asyncio.wait({running}, timeout=0.7)
    running.cancel()
    assert not done
