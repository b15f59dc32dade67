"""The tables of messaging, in the schema of the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_postgres import migrate

if TYPE_CHECKING:
    from lethe_postgres import Database


async def migrate_messaging(database: Database) -> None:
    """Create or upgrade the tables: instance, lease, consumer_offset, outbox, parked_message. Idempotent."""
    await migrate(database, "lethe_messaging")
