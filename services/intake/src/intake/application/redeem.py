"""Identifiers for processors that keep no subject tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.domain.redemption import is_task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from intake.application.ports import Redeemer, Store
    from lethe_vault import Redemption


class Redemptions:
    """`redeemer_for` gives the vault as one processor, so that its name stands in the record."""

    def __init__(self, store: Store, redeemer_for: Callable[[str], Redeemer]) -> None:
        self._store = store
        self._redeemer_for = redeemer_for

    async def redeem(
        self, processor_id: str, items: Sequence[Redemption], controller_ids: Iterable[str]
    ) -> Mapping[Redemption, Mapping[str, tuple[str, ...]]]:
        """Identifiers per item.

        An item is absent if the task is not this processor's, the DSR is not one of the controllers', is closed or
        shredded: which of them is not told.
        """
        own = [item for item in items if is_task_of(processor_id, item.dsr_id, item.task_id)]
        if not own:
            return {}
        allowed = await self._store.open_among([item.dsr_id for item in own], controller_ids)
        granted = [item for item in own if item.dsr_id in allowed]
        if not granted:
            return {}
        redeemed = await self._redeemer_for(processor_id).redeem(granted)
        return {item: redeemed[item.dsr_id].values for item in granted if item.dsr_id in redeemed}
