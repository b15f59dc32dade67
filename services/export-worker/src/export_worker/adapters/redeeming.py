"""Identifiers from the vault, for a batch of tasks, on record per task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_processors.worker import Opened
from lethe_vault import Redemption

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lethe_events.models import TaskRequested
    from lethe_vault import Vault


def redeem_from(vault: Vault) -> Callable[[Sequence[TaskRequested]], Awaitable[Opened]]:
    async def redeem(tasks: Sequence[TaskRequested]) -> Opened:
        found = await vault.redeem([Redemption(task.dsr_id, task.task_id) for task in tasks])
        return Opened({dsr_id: identifiers.values for dsr_id, identifiers in found.items()}, found.tampered)

    return redeem
