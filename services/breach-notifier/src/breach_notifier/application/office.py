"""What every use of cases shares: open a batch of them, save it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breach_notifier.application.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from breach_notifier.application.ports import CaseStore, Loaded
    from breach_notifier.application.topics import Topics
    from breach_notifier.domain.policy import Policy
    from lethe_messaging import Work
    from lethe_postgres import Tx


class Meters(Protocol):
    """What is counted. No ids."""

    def signals(self, fresh: int, repeated: int, suppressed: int) -> None: ...

    def hits(self, rules: Iterable[str]) -> None: ...

    def saved(self, batch: Batch) -> None: ...

    def called(self, outcome: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Office:
    store: CaseStore
    policy: Policy
    topics: Topics
    meters: Meters

    async def open(self, tx: Tx, ids: Sequence[UUID]) -> Batch:
        """Lock these cases."""
        return self.batch(await self.store.load(tx, ids))

    def batch(self, loaded: Loaded) -> Batch:
        return Batch(loaded.now, loaded.entries, self.topics)

    async def save(self, work: Work, batch: Batch) -> None:
        """Write the batch and hand its messages to the outbox of the same transaction."""
        work.send(batch.records)
        await self.store.save(work, batch, self.policy.receivers)
        work.after_commit(lambda: self.meters.saved(batch))
