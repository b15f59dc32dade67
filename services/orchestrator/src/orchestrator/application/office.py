"""What every use of sagas shares: open a batch of them, save it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from orchestrator.application.batch import Batch
from orchestrator.domain.escalation import NO_LADDERS, Ladders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    from lethe_messaging import Work
    from lethe_postgres import Tx
    from orchestrator.application.calling import CallOuts
    from orchestrator.application.messages import Messages
    from orchestrator.application.ports import Holds, Loaded, Registers, RegisterView, SagaStore, Vault
    from orchestrator.application.signer import Signer
    from orchestrator.domain.decision import Disposition


class Meters(Protocol):
    """What is counted. No ids."""

    def ack(self, disposition: Disposition) -> None: ...

    def saved(self, batch: Batch) -> None: ...

    def fired(self, lateness_s: float) -> None: ...

    def escalated(self, calls: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Office:
    """`retention`: how long a closed saga keeps identifiers and documents in the vault."""

    store: SagaStore
    registers: Registers
    vault: Vault
    messages: Messages
    signer: Signer
    retention: timedelta
    meters: Meters
    holds: Holds | None = None
    ladders: Ladders = NO_LADDERS
    calls: CallOuts | None = None

    async def open(self, tx: Tx, ids: Sequence[UUID]) -> tuple[Batch, RegisterView | None]:
        """Lock these sagas; the register in force as well (None: none was ever loaded)."""
        return await self.batch(tx, await self.store.load(tx, ids))

    async def batch(self, tx: Tx, loaded: Loaded) -> tuple[Batch, RegisterView | None]:
        view = await self.registers.view(tx, loaded.register_id) if loaded.register_id else None
        batch = Batch(loaded.now, dict(loaded.entries), self.messages, self.signer)
        if loaded.standing_id and self.holds is not None:
            batch.standing = await self.holds.standing(tx, loaded.standing_id)
        return batch, view

    async def save(self, work: Work, batch: Batch) -> None:
        """Write the batch and hand its messages to the outbox of the same transaction."""
        work.send(batch.records)
        if batch.shreds:
            await self.vault.shred(batch.shreds)
        await self.store.save(work, batch, self.retention, self.ladders)
        work.after_commit(lambda: self.meters.saved(batch))
