from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from lethe_postgres import Database, MigrationError, migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    found = await Database.connect(postgres_dsn, schema="some-service", application_name="test")
    yield found
    await found.close()


@pytest.fixture
def package(tmp_path: Path, unique: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / f"pkg_{unique}"
    (folder / "migrations").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "migrations" / "0001_first.sql").write_text("CREATE TABLE a (n int); CREATE TABLE b (n int);")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    sys.modules.pop(folder.name, None)


async def test_migrations_run_once_in_order_however_many_processes_start(database: Database, package: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(migrate(database, package.name))
    (package / "migrations" / "0002_second.sql").write_text("ALTER TABLE a ADD m int; DROP TABLE b")
    await migrate(database, package.name)
    await migrate(database, package.name)
    rows = await database.fetch("SELECT number, name FROM schema_migration ORDER BY number")
    assert [tuple(row) for row in rows] == [(1, "first"), (2, "second")]
    assert await database.fetchval("SELECT 'a'::regclass::text") == "a"
    schema = await database.fetchval("SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'a'::regclass")
    assert schema == '"some-service"'


async def test_a_changed_migration_is_refused(database: Database, package: Path) -> None:
    await migrate(database, package.name)
    (package / "migrations" / "0001_first.sql").write_text("CREATE TABLE a (n bigint)")
    with pytest.raises(MigrationError, match="0001_first was applied with another content"):
        await migrate(database, package.name)


async def test_a_failing_migration_leaves_nothing_behind(database: Database, package: Path) -> None:
    (package / "migrations" / "0002_bad.sql").write_text("CREATE TABLE c (n int); SELECT 1/0")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(database, package.name)
    assert await database.fetchval("SELECT to_regclass('a')") is None


async def test_a_gap_in_the_numbers_is_refused(database: Database, package: Path) -> None:
    (package / "migrations" / "0003_third.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="0001, 0003"):
        await migrate(database, package.name)
