"""The breach notifier on topics and a database of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_testkit.breach_ground import breach_ground

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_testkit.breach_ground import BreachGround


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[BreachGround]:
    async with breach_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        yield made
