"""One open connector per processor, replaced when its entry in the register changes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from lethe_processors.connector import Connector
    from lethe_processors.register import Processor


@dataclass(slots=True)
class _Entry:
    processor: Processor
    connector: Connector
    users: int = 0
    retired: bool = False


class Connectors:
    """Safe for many calls at once: a connector that was replaced is closed when the last call on it is over."""

    def __init__(self, connect: Callable[[Processor], Connector]) -> None:
        self._connect = connect
        self._entries: dict[str, _Entry] = {}

    @asynccontextmanager
    async def use(self, processor: Processor) -> AsyncIterator[Connector]:
        """Raises what `connect` raises, for example CredentialMissing; the next use tries again."""
        entry = self._entries.get(processor.id)
        if entry is None or entry.processor != processor:
            fresh = _Entry(processor, self._connect(processor))
            self._entries[processor.id] = fresh
            if entry is not None:
                await self._retire(entry)
            entry = fresh
        entry.users += 1
        try:
            yield entry.connector
        finally:
            entry.users -= 1
            if entry.retired and not entry.users:
                await entry.connector.close()

    async def close(self) -> None:
        """Close all that are idle now; the others close with their last call."""
        entries = list(self._entries.values())
        self._entries.clear()
        for entry in entries:
            await self._retire(entry)

    @staticmethod
    async def _retire(entry: _Entry) -> None:
        entry.retired = True
        if not entry.users:
            await entry.connector.close()
