"""Migrations: numbered SQL files of a package, each run once, in order, recorded with its checksum."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from lethe_postgres.database import no_transaction_timeout
from lethe_postgres.errors import MigrationError

if TYPE_CHECKING:
    from lethe_postgres.database import Database, Tx

_FILE = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
_PATIENCE = 3600.0  # seconds; a migration may rewrite a large table
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    package text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (package, number)
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. Once released, its text never changes; what is wrong is put right by the next number."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(package: str) -> tuple[Migration, ...]:
    """The files `<package>/migrations/NNNN_name.sql` in order. Raises MigrationError for a gap, a double or no file."""
    found: list[Migration] = []
    for entry in resources.files(package).joinpath("migrations").iterdir():
        match = _FILE.match(entry.name)
        if match:
            found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    found.sort(key=lambda m: m.number)
    if [m.number for m in found] != list(range(1, len(found) + 1)) or not found:
        numbers = ", ".join(f"{m.number:04d}" for m in found) or "none"
        raise MigrationError(f"migrations of {package} must be numbered 0001, 0002, … without gap; found: {numbers}")
    return tuple(found)


async def migrate(database: Database, package: str) -> None:
    """Bring the schema of `database` to the newest migration of `package`. Idempotent; all or nothing.

    Many processes may call it at once: one works, the others wait. A database that is newer than the code is
    left alone, so that old and new instances can run side by side during a roll-out. Raises MigrationError if a
    file that was already applied has changed since.
    """
    migrations = read_migrations(package)
    async with database.transaction() as tx:
        await no_transaction_timeout(tx)
        await tx.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('lethe-migrate/' || $1, 0))",
            database.schema,
            timeout=_PATIENCE,
        )
        await _ensure_schema(tx, database.schema)
        await tx.execute(_TABLE)
        rows = await tx.fetch("SELECT number, sha256 FROM schema_migration WHERE package = $1", package)
        applied: dict[int, str] = {row["number"]: row["sha256"] for row in rows}
        for migration in migrations:
            if migration.number not in applied:
                await _apply(tx, package, migration)
            elif applied[migration.number] != migration.sha256:
                raise MigrationError(
                    f"{package}: migration {migration.number:04d}_{migration.name} was applied with another content; "
                    "restore the file and put the change into a new number"
                )


async def _ensure_schema(tx: Tx, schema: str) -> None:
    # asked first, because CREATE SCHEMA IF NOT EXISTS needs the right to create even where it exists
    if not await tx.fetchval("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", schema):
        quoted = await tx.fetchval("SELECT quote_ident($1)", schema)
        await tx.execute(f"CREATE SCHEMA {quoted}")


async def _apply(tx: Tx, package: str, migration: Migration) -> None:
    await tx.execute(migration.sql, timeout=_PATIENCE)
    await tx.execute(
        "INSERT INTO schema_migration (package, number, name, sha256) VALUES ($1, $2, $3, $4)",
        package,
        migration.number,
        migration.name,
        migration.sha256,
    )
