"""Intake's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.application.views import DsrView
from intake.domain.model import Accepted, Deadline
from intake.domain.package import PackageFacts
from lethe_events.words import Right, SagaState
from lethe_postgres import crashpoint, load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    from intake.application.views import Told
    from intake.domain.model import Candidate
    from lethe_postgres import Database, Tx


class PostgresStore:
    """Implements `application.ports.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries("intake.adapters")
        self._identity_sql = load_queries("intake.adapters", "identity.sql")
        self._transmission_sql = load_queries("intake.adapters", "transmission.sql")

    async def insert(self, tx: Tx, candidates: Sequence[Candidate]) -> set[UUID]:
        columns = list(zip(*(_row(c) for c in candidates), strict=True))
        rows = await tx.fetch(self._sql["insert_dsrs"], *columns)
        crashpoint("intake.inserted")
        return {row[0] for row in rows}

    async def by_keys(self, tx: Tx, candidates: Sequence[Candidate]) -> Mapping[tuple[str, bytes], Accepted]:
        rows = await tx.fetch(
            self._sql["dsrs_by_key"], [c.submission.controller_id for c in candidates], [c.key for c in candidates]
        )
        return {
            (row["controller_id"], row["idempotency_key"]): Accepted(
                row["dsr_id"],
                row["fingerprint"],
                Deadline(row["due_strict"], row["due_legal"], row["due_date"], row["rule"]),
                repeats=row["repeats"],
            )
            for row in rows
        }

    async def record_identities(self, tx: Tx, candidates: Sequence[Candidate]) -> None:
        await tx.execute(
            self._identity_sql["record_identities"],
            [c.submission.controller_id for c in candidates],
            [c.dsr_id for c in candidates],
            [c.submission.doubt for c in candidates],
            [c.submission.mandate for c in candidates],
        )

    async def expect_transmissions(self, tx: Tx, candidates: Sequence[Candidate]) -> None:
        await tx.execute(
            self._transmission_sql["expect_transmissions"],
            [c.submission.controller_id for c in candidates],
            [c.dsr_id for c in candidates],
            [c.submission.particulars.transmit_to for c in candidates],
        )

    async def tell(self, tx: Tx, told: Sequence[Told]) -> int:
        status = await tx.execute(
            self._sql["tell"],
            [t.dsr_id for t in told],
            [t.controller_id for t in told],
            [t.version for t in told],
            [t.state for t in told],
            [t.body for t in told],
        )
        crashpoint("intake.told")
        return int(status.rsplit(" ", 1)[1])

    async def find(self, dsr_id: UUID, controller_ids: Iterable[str]) -> DsrView | None:
        row = await self._database.fetchrow(self._sql["find_dsr"], dsr_id, list(controller_ids))
        return None if row is None else view_of(row)

    async def page(
        self, controller_ids: Iterable[str], *, before: UUID | None, state: str | None, limit: int
    ) -> Sequence[DsrView]:
        rows = await self._database.fetch(self._sql["page_of_dsrs"], list(controller_ids), before, state, limit)
        return [view_of(row) for row in rows]

    async def package(self, dsr_id: UUID, controller_ids: Iterable[str]) -> PackageFacts | None:
        row = await self._database.fetchrow(self._sql["package_facts"], dsr_id, list(controller_ids))
        if row is None:
            return None
        return PackageFacts(Right(row["right_asked"]), row["export_first"], SagaState(row["state"]), row["document_id"])

    async def record_download(self, dsr_id: UUID, document_id: UUID, principal: str, at: datetime) -> None:
        await self._database.execute(self._sql["record_download"], dsr_id, document_id, principal, at)

    async def open_among(self, dsr_ids: Sequence[UUID], controller_ids: Iterable[str]) -> set[UUID]:
        rows = await self._database.fetch(self._sql["open_among"], list(dsr_ids), list(controller_ids))
        return {row[0] for row in rows}


def _row(candidate: Candidate) -> tuple[object, ...]:
    """In the order of `insert_dsrs`."""
    submission, deadline = candidate.submission, candidate.deadline
    return (
        candidate.dsr_id,
        submission.controller_id,
        candidate.key,
        candidate.fingerprint,
        submission.right,
        submission.export_first,
        submission.channel,
        submission.country,
        submission.regime,
        submission.identity,
        ",".join(sorted(submission.identifiers)),
        submission.received_at,
        candidate.accepted_at,
        deadline.due_strict,
        deadline.due_legal,
        deadline.due_date,
        deadline.rule,
        candidate.parent_id,
        submission.particulars.said() or None,
    )


def view_of(row: asyncpg.Record) -> DsrView:
    return DsrView(
        dsr_id=row["dsr_id"],
        controller_id=row["controller_id"],
        right=row["right_asked"],
        export_first=row["export_first"],
        channel=row["channel"],
        country=row["country"],
        identifier_kinds=tuple(row["identifier_kinds"].split(",")),
        received_at=row["received_at"],
        accepted_at=row["accepted_at"],
        due_strict=row["due_strict"],
        due_legal=row["due_legal"],
        due_date=row["due_date"],
        rule=row["rule"],
        state=row["state"],
        told=row["told"] or {},
        withdrawn_at=row["withdrawn_at"],
        identity=row["identity"],
        doubt=row["doubt"],
        verified_at=row["verified_at"],
        verified_by_method=row["method"],
        repeats=row["repeats"],
        patterns=tuple(row["patterns"].split(",")) if row["patterns"] else (),
        requests=row["requests"],
        parent_id=row["parent_id"],
        asked=row["asked"] or {},
        transmission=row["transmission"],
    )
