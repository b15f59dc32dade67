"""What people do: retry a task, propose and approve an exception. One saga, one transaction, on record with a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_law import GROUNDS
from orchestrator.application.scope import catch_up, tokens_for
from orchestrator.domain.decision import Disposition
from orchestrator.domain.errors import Refused
from orchestrator.domain.events import ExceptionApproved, ExceptionProposed, TaskRetryRequested

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from uuid import UUID

    from orchestrator.application.office import Office
    from orchestrator.application.ports import Desk, RegisterView
    from orchestrator.domain.events import Event
    from orchestrator.domain.rules import ProcessorRules
    from orchestrator.domain.saga import Saga, Task

    Making = Callable[[datetime, "ProcessorRules | None", tuple[str, ...]], Event]


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and for which controllers. `name` goes into the audit log and, for exceptions, the certificate."""

    name: str
    controllers: Collection[str]


class Acts:
    """Raises Refused where the saga does not allow it; `not_found` also for a saga of another controller."""

    def __init__(self, office: Office, desk: Desk) -> None:
        self._office = office
        self._desk = desk

    async def retry(self, person: Person, saga_id: UUID, task_id: UUID) -> Saga:
        """Ask a task again, by the register as it is now. GDPR Art. 12(3): without undue delay."""
        return await self._act(
            person, saga_id, task_id, lambda at, rules, t: TaskRetryRequested(at, task_id, person.name, rules, t)
        )

    async def propose(  # noqa: PLR0917 - the parts of one statement
        self, person: Person, saga_id: UUID, task_id: UUID, ground: str, article: str | None, reason: str
    ) -> Saga:
        """State that a task is lawfully not done. `article` defaults to the ground's. It needs a second person."""
        known = GROUNDS.get(ground)
        if known is None:
            raise Refused("unknown_ground", f"use one of {', '.join(GROUNDS)}")
        return await self._act(
            person,
            saga_id,
            task_id,
            lambda at, _rules, _tokens: ExceptionProposed(
                at, task_id, ground, article or known.article, reason, person.name
            ),
        )

    async def approve(self, person: Person, saga_id: UUID, task_id: UUID) -> Saga:
        """The second person's word; the task is then excepted for good."""
        return await self._act(
            person, saga_id, task_id, lambda at, _rules, _tokens: ExceptionApproved(at, task_id, person.name)
        )

    async def resolve(self, person: Person, incident_id: UUID) -> None:
        """End an incident about a message that was parked, came too late, or told of a person's return."""
        async with self._desk.work() as work:
            if not await self._office.store.resolve(work.tx, incident_id, person.controllers, person.name):
                raise Refused("not_found", "there is no such open incident of yours that is ended by hand")

    async def _act(self, person: Person, saga_id: UUID, task_id: UUID, make: Making) -> Saga:
        async with self._desk.work() as work:
            batch, view = await self._office.open(work.tx, [saga_id])
            saga = batch.saga(saga_id)
            if saga is None or saga.controller_id not in person.controllers:
                raise Refused("not_found", "there is no such saga, or it is not yours to see")
            task = saga.tasks.get(task_id)
            if task is None:
                raise Refused("not_found", "the saga has no such task")
            await catch_up(batch, [saga_id], view, self._office.vault)
            rules, tokens = await self._now(saga_id, task, view)
            decision = batch.apply(saga_id, make(batch.now, rules, tokens))
            if decision.disposition is not Disposition.APPLIED or decision.saga is None:
                raise Refused(decision.code or "ignored", decision.detail)
            await self._office.save(work, batch)
            return decision.saga

    async def _now(
        self, saga_id: UUID, task: Task, view: RegisterView | None
    ) -> tuple[ProcessorRules | None, tuple[str, ...]]:
        """The rules of the register in force for this task's processor, where they are not the pinned ones."""
        rules = None if view is None else view.rules.get(task.processor_id)
        if rules is None or (rules.register_version == task.rules.register_version and task.tokens):
            return None, ()
        tokens = await tokens_for(self._office.vault, {saga_id: (rules,)})
        return rules, tokens.get(saga_id, {}).get(task.processor_id, ())
