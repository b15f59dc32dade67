"""Pytest plugin: real engines on demand, one database and unique names per test, no network in unit tests."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket

from lethe_testkit.databases import Databases
from lethe_testkit.engines import provide

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from lethe_testkit.stack import Stack

ENGINE_FIXTURES = {"kafka_bootstrap", "postgres_admin"}


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """Address of a real Kafka broker. Topics made by a test carry a name of its own (`unique`)."""
    with provide("kafka") as address:
        yield address


@pytest.fixture(scope="session")
def postgres_admin() -> Iterator[str]:
    """DSN of a superuser of a real PostgreSQL server."""
    with provide("postgres") as address:
        yield address


@pytest.fixture(scope="session")
def databases(postgres_admin: str) -> Iterator[Databases]:
    made = Databases(postgres_admin)
    yield made
    made.close()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole stack with 200 invented people, once per run, for tests that leave it as they found it.

    A test that kills or freezes something starts a `lethe_testkit.stack.Stack` of its own.
    """
    from lethe_testkit.stack import Stack  # only a test that wants it pays for its imports

    with Stack(people=200) as made:
        yield made


@pytest.fixture
def unique() -> str:
    """A name part that no other test has."""
    return secrets.token_hex(4)


@pytest.fixture
async def postgres_dsn(databases: Databases, unique: str) -> AsyncIterator[str]:
    """DSN (superuser) of an empty database that lives as long as the test."""
    name = f"lethe_test_{unique}"
    try:
        yield await databases.create(name)
    finally:
        await databases.drop(name)


@pytest.fixture
async def postgres_copy(
    databases: Databases, unique: str
) -> AsyncIterator[Callable[[str, Callable[[str], Awaitable[None]]], Awaitable[str]]]:
    """A function: key, prepare → DSN of a copy of the database that `prepare(dsn)` made once in this run."""
    made: list[str] = []

    async def copy(key: str, prepare: Callable[[str], Awaitable[None]]) -> str:
        name = f"lethe_copy_{unique}_{len(made)}"
        made.append(name)
        return await databases.copy(name, key, prepare)

    yield copy
    for name in made:
        await databases.drop(name)


@pytest.fixture(autouse=True)
def _no_network_in_unit_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """A unit test that opens a socket fails. Unix sockets stay: an event loop wakes itself through one."""
    if not is_unit_test(request.node):
        yield
        return
    disable_socket(allow_unix_socket=True)
    try:
        yield
    finally:
        enable_socket()


def is_unit_test(item: pytest.Item) -> bool:
    return item.path.is_relative_to(item.config.rootpath / "tests" / "unit")


def pytest_configure() -> None:
    """A property says what holds and not how fast: on a busy machine an example may take a second."""
    settings.register_profile("lethe", deadline=None)
    settings.load_profile("lethe")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs an engine, so that `-m "not engines"` leaves it out."""
    for item in items:
        if ENGINE_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.engines)
