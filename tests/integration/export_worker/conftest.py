"""Processors, vault and topics of the test's own, for workers as processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_testkit.workers import worker_ground

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_testkit.workers import WorkerGround


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[WorkerGround]:
    async with worker_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        yield made
