"""A proxy before an engine that does what networks do: resets, silence, delay, and answers lost on the way."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Self

from lethe_testkit.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

HOST = "127.0.0.1"
Protocol = Literal["kafka", "postgres"]
_SIZE = 65_536
_COMMIT = b"COMMIT;\x00"
_PRODUCE = 0
_FRAME_HEAD = 6  # length and api key
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Runs in a thread of its own, on a port of its own, until closed. Every method may be called from any thread.

    `target`: the port of the engine. `ports_of`: the ports from which a program's connections come; faults may be
    limited to one program, which is looked for only then, since looking is slow. `counts`: what was done to
    connections and messages so far.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol: Protocol = protocol
        self.target = 0
        self.ports_of: Callable[[str], Collection[int]] = lambda _: ()
        self.counts: Counter[str] = Counter()
        self.delay_s = 0.0
        self._links: set[_Link] = set()
        self._silent: set[str | None] = set()
        self._silent_ports: set[int] = set()
        self._refusing = False
        self._cuts = Counter[str]()
        self._cut_ports: Collection[int] | None = None
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name=f"proxy-{protocol}")

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def reset(self, program: str | None = None) -> int:
        """RST on every open connection (of that program); gives how many."""
        return self._call(self._reset(None if program is None else self.ports_of(program)))

    def silence(self, program: str | None = None) -> None:
        """Connections stay open and nothing passes any more, in either direction; new ones as well."""
        if program is not None:
            self._silent_ports |= set(self.ports_of(program))
        self._silent.add(program)

    def forget(self) -> int:
        """Nothing ever passes again on the connections open now, and no end hears of it; new ones are whole.

        So does a router that lost its table. Gives how many; `heal` does not bring them back.
        """
        return self._call(self._forget())

    def heal(self) -> None:
        """Everything passes again. Connections that fell silent are reset, as a router does that forgot them."""
        silent = bool(self._silent)
        self._silent.clear()
        self._silent_ports.clear()
        self._refusing = False
        self.delay_s = 0.0
        self._cuts.clear()
        if silent:
            self._call(self._reset_stale())

    def refuse(self) -> None:
        """New connections are reset at once."""
        self._refusing = True

    def cut(self, times: int, *, before: bool = False, program: str | None = None) -> None:
        """Of the next COMMITs or produce requests (of that program), lose the answer, or the question; and reset."""
        self._cut_ports = None if program is None else self.ports_of(program)
        self._cuts["before" if before else "after"] += times

    @property
    def names_programs(self) -> bool:
        return bool(self._silent - {None})

    @property
    def cuts_left(self) -> int:
        return self._cuts.total()

    def is_silent(self, link: _Link) -> bool:
        return link.forgotten or None in self._silent or link.port in self._silent_ports

    def look_who(self, link: _Link) -> None:
        """A connection made while a program is silent may be that program's."""
        for program in self._silent - {None}:
            if program is not None and link.port in self.ports_of(program):
                self._silent_ports.add(link.port)

    def take_cut(self, link: _Link) -> str | None:
        if self._cut_ports is not None and link.port not in self._cut_ports:
            return None
        for kind in ("before", "after"):
            if self._cuts[kind] > 0:
                self._cuts[kind] -= 1
                self.counts[f"cut {kind}"] += 1
                return kind
        return None

    def _call(self, work: Coroutine[object, object, int | None]) -> int:
        """Raises TimeoutError after half a minute in which this thread had its turn."""
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        patience = Patience(30)
        while True:
            try:
                return done.result(0.2) or 0
            except TimeoutError:
                if done.done() or patience.over:
                    raise

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._listener)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0)  # a task that is cancelled before it began closes nothing: let all begin
        await self._reset(None)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _reset(self, ports: Collection[int] | None) -> int:
        links = [link for link in self._links if ports is None or link.port in ports]
        for link in links:
            link.reset()
        self.counts["reset"] += len(links)
        return len(links)

    async def _forget(self) -> int:
        links = [link for link in self._links if not link.forgotten]
        for link in links:
            link.forgotten = True
        return len(links)

    async def _reset_stale(self) -> None:
        for link in [link for link in self._links if link.stale and not link.forgotten]:
            link.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, writer)
        if self._refusing:
            self.counts["refused"] += 1
            link.reset()
            return
        self._links.add(link)
        self.counts["connected"] += 1
        try:
            # cancelled only by `_close`: the streams of this Python complain of a task that ends so
            with suppress(OSError, asyncio.CancelledError):
                await link.run(reader)
        finally:
            self._links.discard(link)
            link.reset()


class _Link:
    """One connection and its other half."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._engine: asyncio.StreamWriter | None = None
        self._lost_answer = False
        self._frame = b""
        self._left = 0
        self.port: int = client.get_extra_info("peername")[1]
        self.stale = False
        self.forgotten = False

    async def run(self, reader: asyncio.StreamReader) -> None:
        if self._proxy.names_programs:
            await asyncio.to_thread(self._proxy.look_who, self)
        answers, self._engine = await asyncio.open_connection(HOST, self._proxy.target)
        async with asyncio.TaskGroup() as group:
            ways = [group.create_task(self._up(reader)), group.create_task(self._down(answers))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()

    def reset(self) -> None:
        for writer in (self._client, self._engine):
            if writer is not None:
                with suppress(OSError, ValueError, AttributeError):
                    made = writer.get_extra_info("socket")
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()

    async def _up(self, reader: asyncio.StreamReader) -> None:
        assert self._engine is not None
        with suppress(OSError):
            while data := await reader.read(_SIZE):
                await self._hold()
                cut = self._proxy.take_cut(self) if self._decides(data) else None
                if cut == "before":
                    return
                self._engine.write(data)
                await self._engine.drain()
                self._lost_answer = self._lost_answer or cut == "after"

    async def _down(self, answers: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await answers.read(_SIZE):
                await self._hold()
                if self._lost_answer:
                    return
                self._client.write(data)
                await self._client.drain()

    async def _hold(self) -> None:
        if self._proxy.delay_s:
            await asyncio.sleep(self._proxy.delay_s)
        while self._proxy.is_silent(self):
            if not self.stale:
                self.stale = True
                self._proxy.counts["silenced"] += 1
            await asyncio.sleep(0.02)

    def _decides(self, data: bytes) -> bool:
        """Whether a COMMIT, or the end of a produce request, is in it."""
        return _COMMIT in data if self._proxy.protocol == "postgres" else self._produces(data)

    def _produces(self, data: bytes) -> bool:
        found = False
        place = 0
        while place < len(data):
            if self._left:
                step = min(self._left, len(data) - place)
                self._left -= step
                place += step
                found = found or (self._left == 0 and self._frame == b"produce")
                continue
            if self._frame in {b"produce", b"another"}:
                self._frame = b""
            step = min(_FRAME_HEAD - len(self._frame), len(data) - place)
            self._frame += data[place : place + step]
            place += step
            if len(self._frame) == _FRAME_HEAD:
                length, key = struct.unpack(">ih", self._frame)
                self._left = length - 2
                self._frame = b"produce" if key == _PRODUCE else b"another"
        return found


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
