"""Roles of one test: made together, dropped together with everything that they own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from lethe_vault import install

if TYPE_CHECKING:
    from collections.abc import Sequence


class Roles:
    """`name` logs in as the service does, with its name as password; so do `more` beside it.

    `vault`: a vault is installed, which another role owns.
    """

    def __init__(self, dsn: str, name: str, *, vault: bool = True, more: Sequence[str] = ()) -> None:
        self._dsn = dsn
        self.name = name
        self._logins = (name, *more)
        self._owner = f"{name}_owner" if vault else None

    async def open(self) -> asyncpg.Connection[asyncpg.Record]:
        """Gives the superuser's connection."""
        self._admin = await asyncpg.connect(self._dsn)
        for login in self._logins:
            await self._admin.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{login}'")
        await self._admin.execute(f'GRANT CREATE ON DATABASE "{urlsplit(self._dsn).path[1:]}" TO {self.name}')
        if self._owner is not None:
            await self._admin.execute(f"CREATE ROLE {self._owner}")
            await install(self._dsn, grant_to=[self.name], owner=self._owner)
        return self._admin

    async def close(self) -> None:
        names = ", ".join(self._logins + ((self._owner,) if self._owner else ()))
        await self._admin.execute(f"DROP OWNED BY {names} CASCADE")
        await self._admin.execute(f"DROP ROLE {names}")
        await self._admin.close()

    def dsn(self, login: str | None = None) -> str:
        """As the service logs in, or as one of `more`."""
        login = login or self.name
        parts = urlsplit(self._dsn)
        return f"postgresql://{login}:{login}@{parts.hostname}:{parts.port}{parts.path}"
