"""Drill: a roll-out. The next version brings a migration that adds while the one before runs, and may come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_postgres import migrations
from lethe_testkit.ground import eventually
from lethe_testkit.orchestrator import orchestrator_ground

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lethe_testkit.orchestrator import OrchestratorGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(180)]
NEXT = {
    "orchestrator.adapters": """
        ALTER TABLE saga ADD COLUMN of_tomorrow text NOT NULL DEFAULT 'x';
        ALTER TABLE task ADD COLUMN of_tomorrow integer, ADD COLUMN also_new timestamptz DEFAULT now();
        ALTER TABLE ack ADD COLUMN of_tomorrow jsonb;
        CREATE INDEX task_of_tomorrow ON task (of_tomorrow) WHERE of_tomorrow IS NOT NULL;
        CREATE TABLE of_tomorrow (saga_id uuid PRIMARY KEY)
    """,
    "lethe_messaging": """
        ALTER TABLE consumer_offset ADD COLUMN of_tomorrow bigint NOT NULL DEFAULT 0;
        ALTER TABLE outbox ADD COLUMN of_tomorrow text;
        ALTER TABLE parked_message ADD COLUMN of_tomorrow text;
        ALTER TABLE lease ADD COLUMN of_tomorrow uuid
    """,
}


@pytest.fixture
async def ground(
    postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path
) -> AsyncIterator[OrchestratorGround]:
    async with orchestrator_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        made.register("shop")
        made.register("crm", after=["shop"])
        yield made


def tomorrow(patch: pytest.MonkeyPatch) -> None:
    """From here on an instance that starts has one migration more of each package."""
    read = migrations.read_migrations

    def with_next(package: str) -> tuple[migrations.Migration, ...]:
        found = read(package)
        more = [migrations.Migration(len(found) + 1, "of_tomorrow", NEXT[package])] if package in NEXT else []
        return (*found, *more)

    patch.setattr(migrations, "read_migrations", with_next)


async def until_closed(ground: OrchestratorGround, count: int) -> None:
    async def so_many() -> bool:
        rows = await ground.fetch("SELECT count(*) AS n FROM saga WHERE closed_at IS NOT NULL")
        return bool(rows[0]["n"] == count)

    await eventually(so_many, 60)


async def nothing_to_publish(ground: OrchestratorGround) -> bool:
    return (await ground.fetch("SELECT count(*) AS n FROM outbox"))[0]["n"] == 0


async def shared_by(ground: OrchestratorGround, instances: int) -> None:
    async def so_many() -> bool:
        rows = await ground.fetch("SELECT count(DISTINCT owner) AS n FROM lease WHERE expires_at > clock_timestamp()")
        return bool(rows[0]["n"] == instances)

    await eventually(so_many, 30)


async def test_old_and_new_instances_work_side_by_side_and_the_old_one_can_come_back(
    ground: OrchestratorGround,
) -> None:
    async with ground.processors():
        async with ground.running(LETHE_PLAIN_ROWS="true") as before:
            first = await ground.receive(10)
            await until_closed(ground, 10)  # every statement is prepared and has a plan
            assert await ground.fetch("SELECT FROM audit_event WHERE content IS NULL") == [], (
                "a version of before reads"
            )
            assert await ground.fetch("SELECT FROM task WHERE after IS NULL OR tokens IS NULL") == []
            await ground.receive(20)
            with pytest.MonkeyPatch.context() as patch:
                tomorrow(patch)
                async with ground.running() as after:
                    await shared_by(ground, 2)
                    last = await ground.receive(30)
                    await until_closed(ground, 60)
                    for of, by in ((first[0], after), (last[0], before)):
                        chain = await by.get(f"/v1/sagas/{of}/events", headers=ground.auth())
                        assert chain.json()["links"][0]["content"]["saga"] == str(of)
            await ground.receive(10)
            await until_closed(ground, 70)
        async with ground.running():  # rolled back: the code of before starts on the schema of tomorrow
            await ground.receive(10)
            await until_closed(ground, 80)
            await eventually(lambda: nothing_to_publish(ground), 30)
    applied = await ground.fetch("SELECT package FROM schema_migration WHERE name = 'of_tomorrow' ORDER BY 1")
    assert [row["package"] for row in applied] == sorted(NEXT)
    for table in ("parked_message", "incident", "stray_ack"):
        assert (await ground.fetch(f"SELECT count(*) AS n FROM {table}"))[0]["n"] == 0, table
