"""A service in the process of its test: its app without a socket, and its background parts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from lethe_chassis import Service


@asynccontextmanager
async def served(opening: AbstractAsyncContextManager[Service], name: str) -> AsyncIterator[httpx.AsyncClient]:
    """What `opening` gives runs until this is left, and is then stopped as a signal would stop it.

    `name`: its host, as far as the app can see. May be entered twice at once, as two instances.
    """
    async with (
        opening as service,
        httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url=f"http://{name}") as client,
        asyncio.TaskGroup() as group,
    ):
        parts = [group.create_task(_run(part)) for part in service.background.values()]
        service.app.state.health.started = True
        try:
            yield client
        finally:
            assert service.stop is not None, "a service that consumes can be stopped"
            await service.stop()
            for part in parts:
                part.cancel()


async def _run(part: Callable[[], Awaitable[None]]) -> None:
    await part()
