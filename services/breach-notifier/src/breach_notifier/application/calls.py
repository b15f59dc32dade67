"""Makes the calls that cases asked for. No transaction is open while anybody is being reached."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from breach_notifier.application.ports import CallRefused

if TYPE_CHECKING:
    from collections.abc import Collection

    from breach_notifier.application.office import Meters
    from breach_notifier.application.ports import Caller, CallStore, DueCall

LIMIT = 20
PAUSE = timedelta(seconds=15)
"""After the first try; doubled with each further one, a quarter of an hour at most."""
QUIET = 0.5  # seconds


class Calls:
    """At least once: who dies between a call and its record makes it again, under the same deduplication key.

    Of `receivers`, or of any but them (`others`): one that hangs must not keep the rest from being called.
    """

    def __init__(
        self, store: CallStore, caller: Caller, meters: Meters, receivers: Collection[str], *, others: bool = False
    ) -> None:
        self._store = store
        self._receivers = receivers
        self._others = others
        self._caller = caller
        self._meters = meters

    async def step(self) -> float:
        due = await self._store.claim(LIMIT, PAUSE, self._receivers, others=self._others)
        if not due:
            return QUIET
        outcomes: list[tuple[DueCall, CallRefused | None]] = []
        async with asyncio.TaskGroup() as group:
            for call in due:
                group.create_task(self._make(call, outcomes))
        taken = [call for call, refused in outcomes if refused is None]
        failed = [(call, refused.trouble, refused.gone) for call, refused in outcomes if refused is not None]
        if taken:
            await self._store.taken(taken)
        if failed:
            await self._store.failed(failed)
        return 0.0 if len(due) == LIMIT else QUIET

    async def _make(self, call: DueCall, outcomes: list[tuple[DueCall, CallRefused | None]]) -> None:
        try:
            await self._caller.call(call)
        except CallRefused as refused:
            self._meters.called("gone" if refused.gone else "failed")
            outcomes.append((call, refused))
        else:
            self._meters.called("taken")
            outcomes.append((call, None))
