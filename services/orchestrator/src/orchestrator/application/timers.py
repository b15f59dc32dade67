"""Fires what falls due, by the database's clock, in batches; safe with any number of instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator.application.calling import Called
from orchestrator.application.holding import impose, people_of
from orchestrator.application.scope import catch_up
from orchestrator.domain.decision import Disposition
from orchestrator.domain.escalation_event import Escalated
from orchestrator.domain.hold_events import KeptPartDue
from orchestrator.domain.kept_parts import processors_due
from orchestrator.domain.timers import due_events

if TYPE_CHECKING:
    from uuid import UUID

    from orchestrator.application.batch import Batch
    from orchestrator.application.office import Office
    from orchestrator.application.ports import Desk, RegisterView

LIMIT = 500
LONGEST_SLEEP = 0.5  # seconds; a moment that is set meanwhile fires no later than this
SHORTEST_SLEEP = 0.02


class Timers:
    """One per process. An event fires in the transaction that decides it, so it fires once."""

    def __init__(self, office: Office, desk: Desk, limit: int = LIMIT) -> None:
        self._office = office
        self._desk = desk
        self._limit = limit

    async def step(self) -> float:
        """Fire a batch; gives how many seconds nothing more has to be done."""
        if await self.fire(self._limit) == self._limit:
            return 0.0
        wait = await self._office.store.seconds_to_next()
        return max(SHORTEST_SLEEP, min(LONGEST_SLEEP, LONGEST_SLEEP if wait is None else wait))

    async def one_by_one(self) -> int:
        """After a batch that cannot be fired as a whole: saga by saga, and put off the one that is at fault.

        Gives how many were put off; they are tried again after a while, and each try is logged by the caller.
        """
        put_off = 0
        for _ in range(self._limit):
            try:
                if not await self.fire(1):
                    break
            except Exception:  # noqa: BLE001 - whatever it is, it must not keep other sagas from their moment
                put_off += await self._office.store.put_off_first_due()
        return put_off

    async def fire(self, limit: int) -> int:
        """Everything that is due for the sagas overdue longest. Gives how many sagas were looked at."""
        office = self._office
        async with self._desk.work() as work:
            loaded = await office.store.load_due(work.tx, limit)
            if not loaded.entries:
                return 0
            batch, view = await office.batch(work.tx, loaded)
            called: list[Called] = []
            await catch_up(batch, loaded.entries, view, office.vault)
            for saga_id, entry in loaded.entries.items():
                entry.armed = None
                entry.dirty = True
                assert entry.saga is not None, "a timer belongs to a saga"
                ladder = office.ladders.of(entry.saga)
                for event in due_events(entry.saga, batch.now, office.retention, ladder):
                    office.meters.fired((batch.now - event.due_at).total_seconds())
                    if type(event) is KeptPartDue:
                        event = await self._anew(batch, saga_id, event, view)  # noqa: PLW2901 - the same, told more
                    decision = batch.apply(saga_id, event)
                    if type(event) is Escalated and decision.disposition is Disposition.APPLIED:
                        called.append(Called(saga_id, entry.saga.controller_id, event))
                        office.meters.escalated(event.calls)
            if called and office.calls is not None:
                await office.calls.put(work.tx, called)
            await office.save(work, batch)
        return len(loaded.entries)

    async def _anew(self, batch: Batch, saga_id: UUID, event: KeptPartDue, view: RegisterView | None) -> KeptPartDue:
        """A saga that closed long ago goes on: under the holds of today, and by the register of today."""
        saga = batch.saga(saga_id)
        assert saga is not None, "a timer belongs to a saga"
        people = await people_of(self._office.vault, batch.standing, {saga_id: saga.controller_id})
        impose(batch, saga_id, people.get(saga_id, ()))
        known = {} if view is None else {r.processor_id: r for r in view.of(saga.controller_id)}
        rules = tuple(known[p] for p in processors_due(saga, batch.now) if p in known)
        return replace(event, register_version=view.version, processors=rules) if rules and view else event
