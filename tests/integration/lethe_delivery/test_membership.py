"""A courier among the others, when the network between it and the database forgets its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import pytest

from lethe_delivery import migrate_delivery
from lethe_delivery.membership import LockTaken, Membership
from lethe_postgres import Database
from lethe_testkit.faults.network import Proxy
from lethe_testkit.ground import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def behind_proxy(postgres_dsn: str) -> AsyncIterator[tuple[Proxy, Database]]:
    parts = urlsplit(postgres_dsn)
    with Proxy("postgres") as proxy:
        proxy.target = parts.port or 5432
        dsn = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"))
        database = await Database.connect(dsn, schema="letters", min_size=1, application_name="test")
        await migrate_delivery(database)
        yield proxy, database
        database.pool.terminate()  # nothing answers to an orderly end


async def test_a_courier_whose_session_was_forgotten_ends_it_and_carries_on(
    behind_proxy: tuple[Proxy, Database],
) -> None:
    """The server never hears of it: the old session would hold this courier's own lock for ever."""
    proxy, database = behind_proxy
    membership = Membership(database, UUID(int=41))
    assert await membership.ensure()
    assert not await membership.ensure()
    proxy.forget()
    session = membership._session
    assert session is not None
    session.terminate()
    refused = 0

    async def back() -> bool:
        nonlocal refused
        try:
            return await membership.ensure()
        except LockTaken:
            refused += 1
            return False

    await eventually(back, 20)
    assert refused
    await membership.leave()


async def test_a_courier_does_not_end_the_session_of_another_that_holds_its_lock(
    behind_proxy: tuple[Proxy, Database],
) -> None:
    """Two processes with one id: whoever came second waits, the first is left alone."""
    _, database = behind_proxy
    instance = UUID(int=41)
    first, second = Membership(database, instance), Membership(database, instance)
    assert await first.ensure()
    for _ in range(2):
        with pytest.raises(LockTaken):
            await second.ensure()
    assert not await first.ensure()
    await first.leave()
    assert await second.ensure()
    await second.leave()
