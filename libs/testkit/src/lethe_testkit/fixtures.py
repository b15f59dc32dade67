"""Pytest plugin: real engines, one database and unique names per test."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """Address of a real Kafka broker. Topics made by a test carry a name of its own (`unique`)."""
    return os.environ["LETHE_KAFKA"]


@pytest.fixture(scope="session")
def postgres_admin() -> str:
    """DSN of a superuser of a real PostgreSQL server."""
    return os.environ["LETHE_POSTGRES"]


@pytest.fixture
def unique() -> str:
    """A name part that no other test has."""
    return secrets.token_hex(4)


@pytest.fixture
async def postgres_dsn(postgres_admin: str, unique: str) -> AsyncIterator[str]:
    """DSN (superuser) of an empty database that lives as long as the test."""
    name = f"lethe_test_{unique}"
    admin = await asyncpg.connect(postgres_admin)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        yield f"{postgres_admin.rsplit('/', 1)[0]}/{name}"
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()
