"""Requests of which the saga may not know, in intake's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.application.republish import Untold
from lethe_events import DsrIdentityVerified, DsrReceived, DsrWithdrawn
from lethe_events.words import Channel, Right
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    import asyncpg

    from lethe_postgres import Tx
    from lethe_vault import Vault


class PostgresUntold:
    """Implements `application.republish.Shelf`. What the row does not hold, the vault knows."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._sql = load_queries("intake.adapters", "republish.sql")

    async def untold(self, tx: Tx, controller_ids: Iterable[str], after: UUID | None, limit: int) -> list[Untold]:
        rows = await tx.fetch(self._sql["untold"], sorted(controller_ids), after, limit)
        references = await self._vault.subject_refs(tx, [row["dsr_id"] for row in rows])
        return [Untold(row["dsr_id"], _received(row, references), _withdrawn(row), _verified(row)) for row in rows]


def _received(row: asyncpg.Record, references: Mapping[UUID, UUID]) -> DsrReceived | None:
    if not row["untold"] or row["dsr_id"] not in references:
        return None  # the saga spoke of it, or it is over: its identifiers are shredded
    asked = row["asked"] or {}
    return DsrReceived(
        dsr_id=row["dsr_id"],
        subject_ref=references[row["dsr_id"]],
        controller_id=row["controller_id"],
        right=Right(row["right_asked"]),
        export_first=row["export_first"],
        received_at=row["received_at"],
        accepted_at=row["accepted_at"],
        channel=Channel(row["channel"]),
        country=row["country"],
        regime=row["regime"],
        identity=row["identity"],
        identifier_kinds=tuple(row["identifier_kinds"].split(",")),
        parent_id=row["parent_id"],
        purposes=tuple(asked.get("purposes", ())),
        direct_marketing=asked.get("direct_marketing", False),
        categories=tuple(asked.get("categories", ())),
        ground=asked.get("ground"),
        contested=asked.get("contested", False),
        decision=asked.get("decision"),
        transmit_to=asked.get("transmit_to"),
    )


def _verified(row: asyncpg.Record) -> DsrIdentityVerified | None:
    at = row["verified_at"]
    if at is None:
        return None
    return DsrIdentityVerified(dsr_id=row["dsr_id"], controller_id=row["controller_id"], method=row["method"], at=at)


def _withdrawn(row: asyncpg.Record) -> DsrWithdrawn | None:
    at = row["withdrawn_at"]
    return None if at is None else DsrWithdrawn(dsr_id=row["dsr_id"], controller_id=row["controller_id"], at=at)
