"""Letters in intake's tables: what they tell, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from intake.application.letters import ACKNOWLEDGEMENT, CHANNEL, Settled
from lethe_delivery import OnDoubt, Order, enqueue
from lethe_postgres import crashpoint, load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

    from intake.application.letters import Asked
    from intake.domain.model import Candidate
    from lethe_postgres import Database, Tx


class PostgresLetters:
    """Implements `application.letters.LetterShelf` and `Acknowledging`."""

    def __init__(self, database: Database, acknowledging: Collection[str] = ()) -> None:
        self._database = database
        self._acknowledging = frozenset(acknowledging)
        self._sql = load_queries("intake.adapters", "letters.sql")

    async def keep(self, tx: Tx, asked: Sequence[Asked]) -> set[UUID]:
        orders = [_order(one) for one in asked]
        rows = await tx.fetch(
            self._sql["keep_letters"],
            [one.letter_id for one in asked],
            [one.controller_id for one in asked],
            [one.dsr_id for one in asked],
            [one.kind for one in asked],
            [one.language for one in asked],
            [one.facts for one in asked],
            [order.id for order in orders],
            [None if one.refused is None else "failed" for one in asked],
        )
        new = {row["letter_id"] for row in rows}
        await enqueue(tx, [o for o, one in zip(orders, asked, strict=True) if one.refused is None])
        crashpoint("intake.letters_kept")
        return new

    async def is_settled(self) -> bool:
        return bool(await self._database.fetchval(self._sql["is_settled"]))

    async def settled(self, tx: Tx, limit: int) -> list[Settled]:
        rows = await tx.fetch(self._sql["settle"], limit)
        return [Settled(*row) for row in rows]

    async def untell(self, tx: Tx, delivery_ids: Sequence[UUID]) -> int:
        return len(await tx.fetch(self._sql["untell"], list(delivery_ids)))

    async def accepted(self, tx: Tx, candidates: Sequence[Candidate]) -> None:
        """Languages that were named, and acknowledgements to those whose address is known and not in doubt."""
        spoken = [c for c in candidates if c.submission.language is not None]
        if spoken:
            languages = [c.submission.language for c in spoken]
            await tx.execute(self._sql["keep_spoken"], [c.dsr_id for c in spoken], languages)
        if self._acknowledging:
            await enqueue(tx, [_acknowledgement(c.dsr_id) for c in candidates if self._acknowledged(c)])

    def _acknowledged(self, candidate: Candidate) -> bool:
        said = candidate.submission
        return said.controller_id in self._acknowledging and said.doubt is None and "email" in said.identifiers

    async def to_write(self, letter_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._database.fetch(self._sql["to_write"], list(letter_ids))]

    async def to_acknowledge(self, dsr_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._database.fetch(self._sql["to_acknowledge"], list(dsr_ids))]

    async def of_dsr(self, dsr_id: UUID, controllers: Iterable[str]) -> list[dict[str, Any]] | None:
        """Every letter of a request with what became of it. None: no such request of theirs."""
        mine = list(controllers)
        if not await self._database.fetchval(self._sql["dsr_is_theirs"], dsr_id, mine):
            return None
        return [dict(row) for row in await self._database.fetch(self._sql["letters_of_dsr"], dsr_id, mine)]

    async def letter(self, letter_id: UUID, dsr_id: UUID, controllers: Iterable[str]) -> dict[str, Any] | None:
        row = await self._database.fetchrow(self._sql["letter_of"], letter_id, dsr_id, list(controllers))
        return None if row is None else dict(row)


def _order(one: Asked) -> Order:
    """Its purpose and recipient are its id in the ledger: never change them."""
    return Order(
        channel=CHANNEL,
        purpose=f"dsr/{one.dsr_id}/{one.kind}",
        recipient_ref=one.letter_id,
        matter=one.dsr_id,
        letter=one.kind,
        on_doubt=OnDoubt.RESEND,
    )


def _acknowledgement(dsr_id: UUID) -> Order:
    return Order(
        channel=CHANNEL,
        purpose=f"dsr/{dsr_id}/{ACKNOWLEDGEMENT}",
        recipient_ref=dsr_id,
        matter=dsr_id,
        letter=ACKNOWLEDGEMENT,
        on_doubt=OnDoubt.RESEND,
    )
