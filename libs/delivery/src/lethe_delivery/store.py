"""The tables of delivery, in the schema of the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_postgres import migrate

if TYPE_CHECKING:
    from lethe_postgres import Database


async def migrate_delivery(database: Database) -> None:
    """Create or upgrade the tables of delivery. Idempotent."""
    await migrate(database, "lethe_delivery")
