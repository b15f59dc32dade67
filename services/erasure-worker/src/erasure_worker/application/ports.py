"""What the erasure worker needs of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from lethe_processors.connector import WorkItem


class Ledger(Protocol):
    """Remembers for which tasks a processor was asked to change something, until the answer is on record."""

    async def intend(self, items: Sequence[WorkItem]) -> dict[UUID, datetime]:
        """Write down, durably, that these tasks are about to be asked.

        Gives, for those that were already asked without an answer on record, when that was first.
        """
        ...

    async def take_back(self, task_ids: Sequence[UUID]) -> None:
        """These asks surely changed nothing."""
        ...
