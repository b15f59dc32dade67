"""A lean HTTP/1.1 load generator: asyncio, keep-alive, no dependencies, a few dozen microseconds a request.

Two ways to load:

- `closed`: each connection sends its next request when the last one was answered. Finds the most a server can do.
- `open_rate`: requests are due at fixed times whatever the server does, and latency counts from when a request was
  due, not from when it could be sent (otherwise a stalling server would be asked less and look better than it is).

As a program it posts DSRs to intake:

    python tests/bench/http_load.py http://127.0.0.1:8081 --token-file token --controller acme --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

_TICK = 0.004  # seconds between looks at what is due; latency counts from when it was due

MakeRequest = Callable[[int], bytes]
"""Number of the request → the whole request as bytes, head and body."""


@dataclass
class Outcome:
    """Seconds. `statuses` counts by HTTP status; 0 stands for a connection that broke."""

    duration: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    last_bodies: deque[bytes] = field(default_factory=lambda: deque(maxlen=3))

    @property
    def rate(self) -> float:
        """Successful answers (2xx) a second."""
        return sum(n for status, n in self.statuses.items() if 200 <= status < 300) / self.duration

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def summary(self) -> dict[str, object]:
        shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
        return {
            "ok_per_second": round(self.rate, 1),
            "seconds": round(self.duration, 2),
            "statuses": dict(sorted(self.statuses.items())),
            "ms": {name: round(self.percentile(share) * 1000, 2) for name, share in shares.items()},
        }


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, on_answer: Callable[[_Connection, int, bytes], None]) -> None:
        self._on_answer = on_answer
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._needed = -1
        self._status = 0
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is no subclass

    def ask(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self.due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._needed < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            self._status = int(head[9:12])
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._needed = end + 4 + length
        if len(self._buffer) >= self._needed:
            body = self._buffer[: self._needed]
            self._buffer, self._needed = self._buffer[self._needed :], -1
            self._on_answer(self, self._status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_answer(self, 0, b"")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Brake:
    """Lets connections ask while it is open; those that come while it is shut go on when it opens."""

    def __init__(self) -> None:
        self.shut = False
        self._waiting: list[Callable[[], None]] = []

    def set(self, *, shut: bool) -> None:
        self.shut = shut
        if not shut:
            waiting, self._waiting = self._waiting, []
            for go_on in waiting:
                go_on()

    def wait(self, go_on: Callable[[], None]) -> None:
        self._waiting.append(go_on)


class _Turns:
    """Each connection asks again when it is answered, until `end` (perf_counter seconds)."""

    def __init__(self, make: MakeRequest, brake: Brake | None, live: int, begin: float, end: float) -> None:
        self.outcome = Outcome()
        self.done = asyncio.Event()
        self._make = make
        self._brake = brake
        self._live = live
        self._begin = begin
        self._end = end
        self._numbers = iter(range(1 << 62))

    def ask(self, connection: _Connection) -> None:
        now = time.perf_counter()
        if now < self._end:
            connection.ask(self._make(next(self._numbers)), now)
        else:
            self._ended()

    def on_answer(self, connection: _Connection, status: int, body: bytes) -> None:
        now = time.perf_counter()
        if self._begin <= now < self._end:
            self.outcome.statuses[status] += 1
            self.outcome.latencies.append(now - connection.due)
            if not 200 <= status < 300:
                self.outcome.last_bodies.append(body)
        if not status:
            self._ended()
        elif self._brake is not None and self._brake.shut:
            self._brake.wait(lambda: self.ask(connection))
        else:
            self.ask(connection)

    def _ended(self) -> None:
        self._live -= 1
        if self._live == 0:
            self.done.set()


async def closed(
    url: str, make: MakeRequest, *, connections: int, seconds: float, warm_up: float = 0.0, brake: Brake | None = None
) -> Outcome:
    """Every connection asks again as soon as it is answered. What happens during `warm_up` is not counted."""
    begin = time.perf_counter() + warm_up
    turns = _Turns(make, brake, connections, begin, begin + seconds)
    lines = await _connect(url, connections, turns.on_answer)
    for line in lines:
        turns.ask(line)
    await asyncio.wait_for(turns.done.wait(), warm_up + seconds + 60)
    for line in lines:
        line.close()
    turns.outcome.duration = seconds
    return turns.outcome


async def open_rate(url: str, make: MakeRequest, *, connections: int, rate: float, seconds: float) -> Outcome:
    """`rate` requests a second are due, evenly spaced; a request waits if every connection is busy."""
    pace = _Pace(make, int(rate * seconds))
    lines = await _connect(url, connections, pace.on_answer)
    pace.free.extend(lines)
    begin = time.perf_counter()
    sent = 0
    while sent < pace.total:
        ready = min(pace.total, int((time.perf_counter() - begin) * rate) + 1)
        while sent < ready:
            pace.ask(sent, begin + sent / rate)
            sent += 1
        await asyncio.sleep(_TICK)
    await asyncio.wait_for(pace.done.wait(), 60)
    pace.outcome.duration = time.perf_counter() - begin
    for line in lines:
        line.close()
    return pace.outcome


class _Pace:
    """Hands due requests to free connections."""

    def __init__(self, make: MakeRequest, total: int) -> None:
        self.total = total
        self.outcome = Outcome()
        self.free: deque[_Connection] = deque()
        self.done = asyncio.Event()
        self._make = make
        self._waiting: deque[tuple[int, float]] = deque()
        self._answered = 0

    def ask(self, number: int, due: float) -> None:
        if self.free:
            self.free.popleft().ask(self._make(number), due)
        else:
            self._waiting.append((number, due))

    def on_answer(self, connection: _Connection, status: int, body: bytes) -> None:
        if self._answered >= self.total:
            return
        self.outcome.statuses[status] += 1
        self.outcome.latencies.append(time.perf_counter() - connection.due)
        if not 200 <= status < 300:
            self.outcome.last_bodies.append(body)
        self._answered += 1
        if status and self._waiting:
            number, due = self._waiting.popleft()
            connection.ask(self._make(number), due)
        elif status:
            self.free.append(connection)
        if self._answered == self.total:
            self.done.set()


async def _connect(url: str, count: int, on_answer: Callable[[_Connection, int, bytes], None]) -> list[_Connection]:
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    lines = []
    for _ in range(count):
        _, protocol = await loop.create_connection(
            lambda: _Connection(on_answer), parts.hostname or "", parts.port or 80
        )
        lines.append(protocol)
    return lines


def dsr_requests(token: str, controller: str, *, right: str = "erasure") -> MakeRequest:
    """Every request is another person's, with an idempotency key of its own."""
    run = secrets.token_hex(4)
    head = (
        f"POST /v1/dsrs HTTP/1.1\r\nHost: lethe\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\nIdempotency-Key: %s\r\n\r\n"
    )
    body = json.dumps(
        {
            "controller_id": controller,
            "right": right,
            "identifiers": {"email": ["person-RUN-NUMBER@people.example"], "customer_id": ["C-RUN-NUMBER"]},
            "channel": "web_form",
            "identity": {"method": "controller_session"},
        }
    )
    body = body.replace("RUN", run)

    def make(number: int) -> bytes:
        content = body.replace("NUMBER", str(number))
        return (head % (len(content), f"{run}-{number}") + content).encode()

    return make


def run(main: Callable[[], Coroutine[None, None, Outcome]]) -> Outcome:
    """Run a coroutine function, on uvloop where it is installed."""
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


def _program() -> None:
    parser = argparse.ArgumentParser(description="Post DSRs to intake and tell how it went, as JSON.")
    parser.add_argument("url")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--controller", default="acme")
    parser.add_argument("--right", default="erasure", choices=["access", "erasure"])
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=None, help="requests a second (open loop); else as many as go")
    given = parser.parse_args()
    make = dsr_requests(given.token_file.read_text().strip(), given.controller, right=given.right)

    async def load() -> Outcome:
        if given.rate is None:
            return await closed(given.url, make, connections=given.connections, seconds=given.seconds, warm_up=1.0)
        return await open_rate(given.url, make, connections=given.connections, rate=given.rate, seconds=given.seconds)

    outcome = run(load)
    print(json.dumps(outcome.summary()))
    for body in outcome.last_bodies:
        print(body.decode(errors="replace"))


if __name__ == "__main__":
    _program()
