"""Reports of breaches in intake's tables, and the processors that may give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from lethe_postgres import load_queries
from lethe_processors.register import RegisterError, load_register

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from intake.application.breaches import Report
    from lethe_postgres import Tx


log = structlog.get_logger(__name__)


class PostgresReports:
    """Implements `application.breaches.ReportShelf`."""

    def __init__(self) -> None:
        self._sql = load_queries("intake.adapters", "breach.sql")

    async def insert(self, tx: Tx, report: Report) -> bool:
        row = await tx.fetchrow(
            self._sql["insert_report"],
            report.breach_id,
            report.controller_id,
            report.key,
            report.fingerprint,
            report.reporter,
            report.reported_by,
            report.accepted_at,
        )
        return row is not None

    async def by_key(self, tx: Tx, controller_id: str, key: bytes) -> tuple[UUID, bytes, datetime]:
        # a statement of its own: it sees what the one that we waited for has committed
        row = await tx.fetchrow(self._sql["report_by_key"], controller_id, key)
        assert row is not None, "the insert found it"
        return row["breach_id"], bytes(row["fingerprint"]), row["accepted_at"]


def processors_of(register: Path | None) -> Collection[str] | None:
    """Those that the register's files name now. None without a register, and while it cannot be used.

    A notice that starts a clock of 72 hours is not refused because somebody misspelt a file.
    """
    if register is None:
        return None
    try:
        return frozenset(load_register(register).processors)
    except RegisterError as error:
        log.warning(
            "the register cannot be used: a processor's notice is taken unchecked", problems=len(error.problems)
        )
        return None
