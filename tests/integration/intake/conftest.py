"""Intake on topics, a role and a database of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_testkit.intake import intake_ground

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_testkit.intake import IntakeGround


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[IntakeGround]:
    async with intake_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        yield made
