"""A database and topics of the test's own; the topic that is read from is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_testkit.ground import messaging_ground

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lethe_testkit.ground import Ground


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str) -> AsyncIterator[Ground]:
    async with messaging_ground(postgres_dsn, kafka_bootstrap, unique) as found:
        await found.make(found.source)
        yield found
