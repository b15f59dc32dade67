"""A proxy before PostgreSQL that loses COMMITs: the question or the answer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_COMMIT = b"COMMIT;\x00"
_SIZE = 65_536


class CommitProxy:
    """While `armed`, of every three commits one is cut before the server sees it and one after it was stored."""

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self.dsn = dsn
        self.armed = False
        self.cut_before = 0
        self.cut_after = 0
        self._commits = 0
        self._accepted: set[asyncio.StreamWriter] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted.add(writer)
        self._empty.clear()
        try:
            await self._relay(reader, writer)
        finally:
            self._accepted.discard(writer)
            if not self._accepted:
                self._empty.set()
            writer.transport.abort()  # also if the server refused, or this was cancelled while it was asked

    async def close(self) -> None:
        """No transport is left to be found by the garbage collector after the loop has ended."""
        await asyncio.sleep(0)  # what was accepted just now begins, and so is known
        for writer in list(self._accepted):
            writer.transport.abort()
        await self._empty.wait()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            upstream = await asyncio.open_connection(self._target.hostname, self._target.port)
            await self._relay_to(*upstream, reader, writer)

    async def _relay_to(
        self,
        upstream_reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        swallow = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                up = group.create_task(self._up(reader, upstream, swallow))
                down = group.create_task(self._down(upstream_reader, writer, swallow))
                await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
                up.cancel()
                down.cancel()
        finally:
            for each in (writer, upstream):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _up(self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, swallow: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(_SIZE):
                if self.armed and _COMMIT in data:
                    self._commits += 1
                    if self._commits % 3 == 1:
                        self.cut_before += 1
                        return
                    if self._commits % 3 == 2:
                        swallow.set()
                upstream.write(data)
                await upstream.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallow: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(_SIZE):
                if swallow.is_set():
                    self.cut_after += 1
                    return
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def commit_proxy(dsn: str) -> AsyncIterator[CommitProxy]:
    """A proxy on a port of its own, whose `dsn` leads through it."""
    proxy = CommitProxy(dsn)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    parts = urlsplit(dsn)
    port = server.sockets[0].getsockname()[1]
    proxy.dsn = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}"))
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
