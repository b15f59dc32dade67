"""What people decide about a request, and the end of a restriction. One saga, one transaction, on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.application.scope import catch_up
from orchestrator.domain.closing import place
from orchestrator.domain.decision import Disposition
from orchestrator.domain.decision_acts import grounds_against, outcomes_of
from orchestrator.domain.decision_events import DecisionApproved, DecisionProposed
from orchestrator.domain.errors import Refused
from orchestrator.domain.lift_acts import announcing
from orchestrator.domain.lift_events import LiftAnnounced, LiftCalledOff, LiftOrdered
from orchestrator.domain.words import RESTRICTED

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


class DecisionActs:
    """Raises Refused where the saga does not allow it; `not_found` also for a saga of another controller."""

    def __init__(self, office: Office, desk: Desk) -> None:
        self._office = office
        self._desk = desk

    async def decide(
        self, person: Person, saga_id: UUID, outcome: str, ground: str | None, reasons: Sequence[str]
    ) -> Saga:
        """For the data subject it counts at once; against, it waits for another person. `reasons` are codes."""

        def make(saga: Saga, at: datetime) -> Event:
            allowed = outcomes_of(saga.right, saga.beside)
            if not allowed:
                raise Refused("nothing_to_decide", "the law leaves nothing to decide about this request")
            if outcome not in allowed:
                raise Refused("unknown_outcome", f"decide one of: {', '.join(allowed)}")
            grounds = {} if allowed[outcome] else grounds_against(saga.right, saga.beside)
            if bool(grounds) != (ground is not None) or (ground is not None and ground not in grounds):
                known = f"name one of: {', '.join(grounds)}" if grounds else "leave it out: this needs reasons alone"
                raise Refused("unknown_ground", known)
            article = None if ground is None else grounds[ground]
            return DecisionProposed(at, outcome, tuple(reasons), person.name, ground, article)

        return await self._act(person, saga_id, make)

    async def approve(self, person: Person, saga_id: UUID) -> Saga:
        """The second person's word on a decision against the data subject."""
        return await self._act(person, saga_id, lambda _, at: DecisionApproved(at, person.name))

    async def announce_lift(self, person: Person, saga_id: UUID, reason: str) -> Saga:
        """Write to the data subject that the restriction ends; it is lifted the policy's days after that went out."""
        notices = self._office.messages.correspondence

        def make(saga: Saga, at: datetime) -> Event:
            if saga.controller_id not in notices.controllers:
                raise Refused("no_letters", "no letters go out for this controller: tell the person, then give told_at")
            return LiftAnnounced(at, notices.lift_notice(saga.controller_id), reason, person.name)

        return await self._act(person, saga_id, make)

    async def call_off_lift(self, person: Person, saga_id: UUID, reason: str) -> Saga:
        """Keep the restriction that was announced to end."""
        return await self._act(person, saga_id, lambda _, at: LiftCalledOff(at, reason, person.name))

    async def lift(self, person: Person, saga_id: UUID, told_at: datetime | None, reason: str) -> Saga:
        """End a restriction, of which the data subject was told at `told_at` (Art. 18(3)).

        Where letters go out the letter comes first: a person's word counts only when it could not be delivered, and
        `told_at` may then be left out.
        """
        letters_go_out = self._office.messages.correspondence.controllers

        def make(saga: Saga, at: datetime) -> Event:
            announced = announcing(saga)
            if announced is None and saga.controller_id in letters_go_out and place(saga) == RESTRICTED:
                raise Refused("announce_first", "the data subject is told by a letter before: announce the lifting")
            return LiftOrdered(at, told_at, reason, person.name)

        return await self._act(person, saga_id, make)

    async def _act(self, person: Person, saga_id: UUID, make: Making) -> Saga:
        """What was registered meanwhile joins first: nothing is decided past a processor."""
        async with self._desk.work() as work:
            batch, view = await self._office.open(work.tx, [saga_id])
            saga = batch.saga(saga_id)
            if saga is None or saga.controller_id not in person.controllers:
                raise Refused("not_found", "there is no such saga, or it is not yours to see")
            await catch_up(batch, [saga_id], view, self._office.vault)
            decision = batch.apply(saga_id, make(saga, batch.now))
            if decision.disposition is not Disposition.APPLIED or decision.saga is None:
                raise Refused(decision.code or "ignored", decision.detail)
            await self._office.save(work, batch)
            return decision.saga
