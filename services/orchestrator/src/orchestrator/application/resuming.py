"""Saying again what is outstanding, from PostgreSQL alone: for when Kafka lost what it was told.

Nothing is decided anew: questions and statuses have the ids they had, so whoever knows them does nothing twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from lethe_events.words import SagaState
from lethe_messaging import Person as Operator
from lethe_messaging import record_operation
from orchestrator.domain.errors import Refused
from orchestrator.domain.resume import resume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from lethe_events import Record
    from lethe_messaging import Work
    from lethe_postgres import Tx
    from orchestrator.application.acts import Person
    from orchestrator.application.batch import Batch
    from orchestrator.application.office import Office
    from orchestrator.application.ports import Desk

LIMIT = 500


class Resumed(NamedTuple):
    """Sagas looked at, questions asked again; `last`: behind which the next page begins, None if there is none."""

    sagas: int
    questions: int
    last: UUID | None = None


class OpenSagas(Protocol):
    async def open_after(self, tx: Tx, controllers: Sequence[str], after: UUID | None, limit: int) -> list[UUID]:
        """Open sagas of these controllers, by id, behind `after`."""
        ...


class Resuming:
    """Each page is one transaction with its entry in the journal of operations."""

    def __init__(self, office: Office, desk: Desk, sagas: OpenSagas) -> None:
        self._office = office
        self._desk = desk
        self._sagas = sagas

    async def one(self, person: Person, reason: str, saga_id: UUID) -> Resumed:
        """Raises Refused: `not_found` also for a saga of another controller, `closed` for one that is over."""
        async with self._desk.work() as work:
            batch, _ = await self._office.open(work.tx, [saga_id])
            saga = batch.saga(saga_id)
            if saga is None or saga.controller_id not in person.controllers:
                raise Refused("not_found", "there is no such saga, or it is not yours to see")
            if saga.state is SagaState.CLOSED:
                raise Refused("closed", "the saga is closed: nothing is outstanding")
            return await self._say_again(work, batch, [saga_id], person, reason)

    async def page(self, person: Person, reason: str, after: UUID | None) -> Resumed:
        """The next LIMIT open sagas of the person's controllers, by id, behind `after`."""
        async with self._desk.work() as work:
            ids = await self._sagas.open_after(work.tx, sorted(person.controllers), after, LIMIT)
            if not ids:
                return Resumed(0, 0)
            batch, _ = await self._office.open(work.tx, ids)
            done = await self._say_again(work, batch, ids, person, reason)
            return done._replace(last=ids[-1] if len(ids) == LIMIT else None)

    async def _say_again(self, work: Work, batch: Batch, ids: Sequence[UUID], person: Person, reason: str) -> Resumed:
        questions: list[Record] = []
        statuses: list[Record] = []
        named: list[str] = []
        for saga_id in ids:
            saga = batch.saga(saga_id)
            if saga is None or saga.state is SagaState.CLOSED:
                continue  # it was closed between the look and the lock
            named.append(str(saga_id))
            stamp = self._office.messages.stamp(saga, at=batch.now, cause=None)
            questions += [self._office.messages.task(saga, command, stamp) for command in resume(saga)]
            statuses.append(self._office.messages.status(saga, None, stamp, batch.now))
        work.send(questions)
        work.send(statuses)
        done = {"sagas": named, "questions": len(questions)}
        await record_operation(work.tx, "resume", Operator(person.name, reason), done)
        return Resumed(len(named), len(questions))
