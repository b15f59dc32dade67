"""Fires what falls due, by the database's clock; safe with any number of instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breach_notifier.domain.due import due_events

if TYPE_CHECKING:
    from breach_notifier.application.office import Office
    from breach_notifier.application.ports import Desk

LIMIT = 100
LONGEST_SLEEP = 1.0  # seconds; a moment that is set meanwhile fires no later than this
SHORTEST_SLEEP = 0.05


class Timers:
    """An event fires in the transaction that decides it, so each rung rings once."""

    def __init__(self, office: Office, desk: Desk) -> None:
        self._office = office
        self._desk = desk

    async def step(self) -> float:
        """Fire a batch; gives how many seconds nothing more has to be done."""
        if await self.fire() == LIMIT:
            return 0.0
        wait = await self._office.store.seconds_to_next()
        return max(SHORTEST_SLEEP, min(LONGEST_SLEEP, LONGEST_SLEEP if wait is None else wait))

    async def fire(self) -> int:
        """Everything that is due. Gives how many cases were looked at."""
        async with self._desk.work() as work:
            loaded = await self._office.store.load_due(work.tx, LIMIT)
            if not loaded.entries:
                return 0
            batch = self._office.batch(loaded)
            for case_id, entry in batch.entries.items():
                entry.dirty = True
                assert entry.case is not None, "a timer belongs to a case"
                for event in due_events(entry.case, batch.now):
                    batch.apply(case_id, event)
            await self._office.save(work, batch)
        return len(loaded.entries)
