"""What is recorded about who asks, in intake's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.application.identity import Held, Known
from lethe_postgres import crashpoint, load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from intake.application.identity import NewCode
    from intake.domain.identity import CodePolicy
    from lethe_postgres import Tx

_SLOTS = 64


class PostgresIdentities:
    """Implements `application.identity.Register`."""

    def __init__(self) -> None:
        self._sql = load_queries("intake.adapters", "identity.sql")

    async def ask(
        self, tx: Tx, dsr_id: UUID, controller_ids: Iterable[str], new: NewCode, policy: CodePolicy
    ) -> str | None:
        found: str | None = await tx.fetchval(
            self._sql["ask_code"],
            dsr_id,
            list(controller_ids),
            new.code_id,
            new.code_hash,
            new.channel,
            new.kind,
            new.language,
            new.at,
            new.expires_at,
            policy.pause,
            policy.per_day,
            dsr_id.int % _SLOTS,
        )
        return found

    async def attempt(
        self, tx: Tx, dsr_id: UUID, controller_ids: Iterable[str], *, at: datetime, limit: int
    ) -> Held | None:
        row = await tx.fetchrow(self._sql["try_code"], dsr_id, list(controller_ids), at, limit, dsr_id.int % _SLOTS)
        return None if row is None else Held(*row)

    async def verified(
        self, tx: Tx, controller_id: str, dsr_id: UUID, *, at: datetime, method: str, by: str, mandate: str | None
    ) -> bool:
        found = await tx.fetchval(self._sql["verified"], controller_id, dsr_id, at, method, by, mandate)
        crashpoint("intake.identity_verified")
        return found is not None

    async def known(self, tx: Tx, dsr_id: UUID, controller_ids: Iterable[str]) -> Known | None:
        row = await tx.fetchrow(self._sql["identity_of"], dsr_id, list(controller_ids))
        if row is None:
            return None
        return Known(
            controller_id=row["controller_id"],
            right=row["right_asked"],
            kinds=row["identifier_kinds"].split(","),
            over=row["over"],
            doubt=row["doubt"],
            verified_at=row["verified_at"],
            method=row["method"],
        )
