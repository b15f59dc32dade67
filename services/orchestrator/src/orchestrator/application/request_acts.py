"""What people do to a request as a whole. One saga, one transaction, on record with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.ids import task_id
from lethe_law import EXTENSION_REASONS, GROUNDS, ClockError
from lethe_law.changes import ChangeRefused
from orchestrator.application.holding import bring_up
from orchestrator.domain.clock import extended
from orchestrator.domain.decision import Disposition
from orchestrator.domain.errors import Refused
from orchestrator.domain.events import (
    Extended,
    HoldApproved,
    HoldLiftProposed,
    HoldProposed,
    RefusalApproved,
    RefusalProposed,
    Withdrawn,
)
from orchestrator.domain.hold_acts import may_hold
from orchestrator.domain.letter_events import ExtensionAsked
from orchestrator.domain.refusal_acts import may_refuse
from orchestrator.domain.remedies import authority_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from orchestrator.application.acts import Person
    from orchestrator.application.office import Office
    from orchestrator.application.ports import Desk
    from orchestrator.domain.events import Event
    from orchestrator.domain.saga import Saga

    Making = Callable[[Saga, datetime], Event]


class RequestActs:
    """Raises Refused where the saga does not allow it; `not_found` also for a saga of another controller."""

    def __init__(self, office: Office, desk: Desk) -> None:
        self._office = office
        self._desk = desk

    async def withdraw(self, person: Person, saga_id: UUID, said_at: datetime | None) -> Saga:
        """Record that the data subject took the request back, by letter or by phone. `said_at` left out: now."""

        def make(saga: Saga, at: datetime) -> Event:
            said = said_at or at
            if not saga.received_at <= said <= at:
                raise Refused("implausible_date", "a withdrawal comes after the request and not in the future")
            return Withdrawn(at, saga.controller_id, said, None, person.name)

        return await self._act(person, saga_id, make)

    async def extend(
        self, person: Person, saga_id: UUID, further: int, reasons: Sequence[str], notified_at: datetime | None
    ) -> Saga:
        """Record a notice of extension that went out (Art. 12(3)); the law library says whether it counts.

        Without `notified_at` the notice is sent, and what extends is the proof that it went out in time.
        """

        def make(saga: Saga, at: datetime) -> Event:
            try:
                clock = extended(saga, further, reasons, notified_at or at, by=person.name, now=at)
            except ChangeRefused as refused:
                raise Refused(refused.code, refused.detail) from None
            except ClockError as error:
                raise Refused("no_clock", f"this clock cannot be worked out, so it cannot be moved: {error}") from None
            if notified_at is not None:
                return Extended(at, further, tuple(reasons), notified_at, person.name, clock)
            if saga.controller_id not in self._office.messages.correspondence.controllers:
                raise Refused("no_letters", "no letters go out for this controller: send it, then give notified_at")
            if unknown := [r for r in reasons if r not in EXTENSION_REASONS]:
                raise Refused("unknown_reason", f"no words for {unknown[0]}: use {', '.join(EXTENSION_REASONS)}")
            return ExtensionAsked(at, further, tuple(reasons), person.name, clock)

        return await self._act(person, saga_id, make)

    async def propose_refusal(  # noqa: PLR0917 - the parts of one statement
        self, person: Person, saga_id: UUID, ground: str, article: str | None, reason: str, authority: str | None
    ) -> Saga:
        """State that the whole request is to be refused (Art. 12(4)). `article` left out: the ground's."""

        def make(saga: Saga, at: datetime) -> Event:
            if not may_refuse(ground, saga.right):
                known = ", ".join(g for g in GROUNDS if may_refuse(g, saga.right))
                raise Refused("unknown_ground", f"a whole request of this right can be refused on: {known}")
            if authority is not None and authority_of(authority) is None:
                raise Refused("unknown_authority", "name it by country, or country and region: FR, DE-BE")
            return RefusalProposed(at, ground, article or GROUNDS[ground].article, reason, person.name, authority)

        return await self._act(person, saga_id, make)

    async def approve_refusal(self, person: Person, saga_id: UUID) -> Saga:
        """The second person's word; what is in flight is waited for, and the person can be told."""
        return await self._act(person, saga_id, lambda _, at: RefusalApproved(at, person.name))

    async def propose_hold(  # noqa: PLR0917 - the parts of one statement
        self, person: Person, saga_id: UUID, ground: str, article: str | None, matter: str, processors: Sequence[str]
    ) -> Saga:
        """State that erasures of this request are to be held; none of `processors` named means all of them."""

        def make(saga: Saga, at: datetime) -> Event:
            if not may_hold(ground):
                raise Refused("unknown_ground", f"use one of {', '.join(g for g in GROUNDS if may_hold(g))}")
            unknown = set(processors) - {t.processor_id for t in saga.tasks.values()}
            if unknown:
                raise Refused("unknown_processor", f"not in scope: {', '.join(sorted(unknown))}")
            count = 0 if saga.beside is None else len(saga.beside.holds)
            hold_id = task_id(saga.id, matter, "hold", count + 1)
            named = (ground, article or GROUNDS[ground].article, matter, tuple(sorted(set(processors))))
            return HoldProposed(at, hold_id, *named, person.name)

        return await self._act(person, saga_id, make)

    async def propose_lift(self, person: Person, saga_id: UUID, hold_id: UUID) -> Saga:
        """State that a hold is over; when another person approves, what it stopped is asked by itself."""
        return await self._act(person, saga_id, lambda _, at: HoldLiftProposed(at, hold_id, person.name))

    async def approve_hold(self, person: Person, saga_id: UUID, hold_id: UUID) -> Saga:
        """The second person's word, to place or to lift it."""
        return await self._act(person, saga_id, lambda _, at: HoldApproved(at, hold_id, person.name))

    async def _act(self, person: Person, saga_id: UUID, make: Making) -> Saga:
        async with self._desk.work() as work:
            batch, _ = await self._office.open(work.tx, [saga_id])
            saga = batch.saga(saga_id)
            if saga is None or saga.controller_id not in person.controllers:
                raise Refused("not_found", "there is no such saga, or it is not yours to see")
            bring_up(batch, [saga_id])
            decision = batch.apply(saga_id, make(batch.saga(saga_id) or saga, batch.now))
            if decision.disposition is not Disposition.APPLIED or decision.saga is None:
                raise Refused(decision.code or "ignored", decision.detail)
            await self._office.save(work, batch)
            return decision.saga
