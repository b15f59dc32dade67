"""A vault in a database of its own, and a service's role that may only call its functions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest

from lethe_postgres import Database
from lethe_vault import FileKeys, Vault, install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def role(postgres_dsn: str, postgres_admin: str, unique: str) -> AsyncIterator[str]:
    """A login role named like its password, gone with the test."""
    name = f"vault_service_{unique}"
    admin = await asyncpg.connect(postgres_admin)
    try:
        await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
        await admin.execute(f"CREATE ROLE {name}_owner")
        yield name
        owned = await asyncpg.connect(postgres_dsn)
        await owned.execute(f"DROP OWNED BY {name}, {name}_owner CASCADE")
        await owned.close()
        await admin.execute(f"DROP ROLE {name}, {name}_owner")
    finally:
        await admin.close()


@pytest.fixture
def service_dsn(postgres_dsn: str, role: str) -> str:
    parts = urlsplit(postgres_dsn)
    return f"postgresql://{role}:{role}@{parts.hostname}:{parts.port}{parts.path}"


@pytest.fixture
def keys_path(tmp_path: Path) -> Path:
    FileKeys.create(tmp_path / "keys.json")
    return tmp_path / "keys.json"


@pytest.fixture
def keys(keys_path: Path) -> FileKeys:
    return FileKeys(keys_path)


@pytest.fixture
async def service(postgres_dsn: str, service_dsn: str, role: str) -> AsyncIterator[Database]:
    """A service's pool, logged in as its role; the vault is installed."""
    await install(postgres_dsn, grant_to=[role], owner=f"{role}_owner")
    database = await Database.connect(service_dsn, schema="own", application_name="test")
    yield database
    await database.close()


@pytest.fixture
def vault(service: Database, keys: FileKeys) -> Vault:
    return Vault(service, keys, redeemer="test-worker")


@pytest.fixture
async def owner(postgres_dsn: str, vault: Vault) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A superuser's connection, to look behind the functions and to tamper."""
    connection = await asyncpg.connect(postgres_dsn)
    yield connection
    await connection.close()
