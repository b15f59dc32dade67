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

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection(self._target.hostname, self._target.port)
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
