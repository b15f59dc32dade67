"""The subject index as it comes in: facts of product services, and erasures that were verified."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from breach_notifier.application.people_ports import Told, Verified
from lethe_events import DsrStatus, SubjectObserved
from lethe_events.subject_token import people_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from breach_notifier.application.people_ports import IndexStore, PeopleVault
    from lethe_messaging import Message, Work

AT_ONCE = 500
EVERY = 1.0  # seconds; nobody waits for a name, but keys are destroyed weeks later: people who wait for us go first


class SubjectIndex:
    """Handlers of two topics; both may be read again from their beginning."""

    def __init__(self, store: IndexStore) -> None:
        self._store = store

    async def observed(self, work: Work, messages: Sequence[Message]) -> None:
        told = []
        for message in messages:
            body = message.received.body
            if not isinstance(body, SubjectObserved):
                work.park(message, "unexpected_type", "this topic carries lethe.subject.observed only")
                continue
            for category in body.categories or ("",):
                where = (body.controller_id, body.processor_id, body.subject_token)
                told.append(Told(*where, category, body.kind.value, body.at))
        if told:
            await self._store.tell(work.tx, told)

    async def status(self, work: Work, messages: Sequence[Message]) -> None:
        """Nearly every status says nothing of an erasure; those cost no statement."""
        bodies = [m.received.body for m in messages]
        verified = [
            Verified(body.dsr_id, body.controller_id, absent.processor_id, absent.at, absent.erased)
            for body in bodies
            if isinstance(body, DsrStatus)
            for absent in body.absent
        ]
        if verified:
            await self._store.erased(work.tx, verified)


class Naming:
    """Looks up in the vault, on record, by which tokens erased people are known, before their keys are destroyed."""

    def __init__(self, store: IndexStore, vault: PeopleVault) -> None:
        self._store = store
        self._vault = vault

    async def step(self) -> float:
        rows = await self._store.unnamed(AT_ONCE)
        if not rows:
            return EVERY
        wanted: dict[UUID, list[str]] = defaultdict(list)
        for dsr_id, controller_id, processor_id in rows:
            wanted[dsr_id] += [processor_id, people_of(controller_id)]
        found = await self._vault.tokens(list(wanted), wanted)
        await self._store.name(
            [
                (dsr_id, processor, found.get((dsr_id, processor), ()), found.get((dsr_id, people_of(controller)), ()))
                for dsr_id, controller, processor in rows
            ]
        )
        return EVERY
