"""Databases of tests: empty ones, and copies of one that was prepared once per run."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def in_database(dsn: str, name: str) -> str:
    """The same address, with another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


class Databases:
    """One per run. Not safe for two tests at once, which do not exist in one process."""

    def __init__(self, admin_dsn: str) -> None:
        self._admin = admin_dsn
        self._run = secrets.token_hex(4)
        self._templates: dict[str, str] = {}

    async def create(self, name: str, *, template: str = "template1") -> str:
        """Make a database and return its DSN (superuser)."""
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return in_database(self._admin, name)

    async def drop(self, name: str) -> None:
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def copy(self, name: str, key: str, prepare: Callable[[str], Awaitable[None]]) -> str:
        """A copy of the database that `prepare(dsn)` made on its first use in this run under this key.

        `prepare` has to close its connections: a database in use cannot be copied.
        """
        if key not in self._templates:
            template = f"lethe_template_{key}_{self._run}"
            await prepare(await self.create(template))
            self._templates[key] = template
        return await self.create(name, template=self._templates[key])

    def close(self) -> None:
        """Drop the prepared databases. Called outside any event loop."""
        for template in self._templates.values():
            asyncio.run(self.drop(template))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._admin)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
