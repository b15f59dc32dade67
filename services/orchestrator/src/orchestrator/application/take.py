"""What comes from the bus: one call per batch, inside the transaction that advances the offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events import (
    DsrIdentityVerified,
    DsrReceived,
    DsrWithdrawn,
    LetterReported,
    SubjectObserved,
    TaskAcknowledged,
)
from lethe_events.words import SubjectEventKind
from orchestrator.application.batch import Stray
from orchestrator.application.correspondence import reported
from orchestrator.application.holding import impose, people_of
from orchestrator.application.scope import catch_up, tokens_for
from orchestrator.domain import events
from orchestrator.domain.clock import deadlines, identified
from orchestrator.domain.decision import Disposition
from orchestrator.domain.sense import contradicts
from orchestrator.domain.words import IN_DOUBT, Code

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from lethe_messaging import Message, Work
    from orchestrator.application.batch import Batch
    from orchestrator.application.office import Office
    from orchestrator.application.ports import RegisterView
    from orchestrator.domain.rules import ProcessorRules
    from orchestrator.domain.saga import Saga

    People = Mapping[UUID, Collection[str]]


_OF_REQUESTS = (DsrReceived, DsrWithdrawn, DsrIdentityVerified, LetterReported)


_PLANNED = (DsrReceived, DsrIdentityVerified)


class Take:
    """Handlers of the topics. A message that makes no sense is parked; the others of its batch go on."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def requests(self, work: Work, messages: Sequence[Message]) -> None:
        """Open and plan a saga for each DSR; take what its person says later. A redelivery changes nothing."""
        bodies = [(m, m.received.body) for m in messages]
        ids = [body.dsr_id for _, body in bodies if isinstance(body, _OF_REQUESTS)]
        batch, view = await self._office.open(work.tx, ids)
        scopes = self._scopes([b for _, b in bodies if isinstance(b, _PLANNED)], batch, view)
        tokens = await tokens_for(self._office.vault, scopes)
        planned = {b.dsr_id: b.controller_id for _, b in bodies if isinstance(b, _PLANNED)}
        people = await people_of(self._office.vault, batch.standing, planned) if batch.standing.holds else {}
        for message, body in bodies:
            if type(body) is DsrWithdrawn:
                self._withdraw(work, batch, message, body)
                continue
            if type(body) is DsrIdentityVerified:
                self._identify(work, batch, message, body, view, tokens.get(body.dsr_id, {}), people)
                continue
            if type(body) is LetterReported:
                self._report(work, batch, message, body)
                continue
            if type(body) is not DsrReceived:
                work.park(message, "unexpected_type", "this topic carries what people ask and take back")
                continue
            saga = batch.saga(body.dsr_id)
            if saga is not None and not _same(saga, body):
                work.park(message, "other_dsr", "another DSR has this dsr_id; its saga goes on unchanged")
                continue
            self._open(batch, message, body, view, tokens.get(body.dsr_id, {}), people)
        await self._office.save(work, batch)

    def _withdraw(self, work: Work, batch: Batch, message: Message, body: DsrWithdrawn) -> None:
        """Whatever comes first, the withdrawal or the last answer, is decided by who locks the saga first."""
        cause = message.received.envelope.id
        decision = batch.apply(body.dsr_id, events.Withdrawn(batch.now, body.controller_id, body.at, cause), cause)
        if decision.disposition is Disposition.REJECTED:
            work.park(message, decision.code, decision.detail)

    def _report(self, work: Work, batch: Batch, message: Message, body: LetterReported) -> None:
        """What became of a letter. Told on this topic because intake alone writes to it: a notice moves dates."""
        cause = message.received.envelope.id
        event = reported(batch.saga(body.dsr_id), body, batch.now, cause)
        decision = batch.apply(body.dsr_id, event, cause)
        if decision.disposition is Disposition.REJECTED:
            work.park(message, decision.code, decision.detail)

    def _scopes(
        self, bodies: Sequence[DsrReceived | DsrIdentityVerified], batch: Batch, view: RegisterView | None
    ) -> Mapping[UUID, Sequence[ProcessorRules]]:
        """Whom to ask, of what may be planned in this batch."""
        if view is None:
            return {}
        return {
            b.dsr_id: view.of(b.controller_id)
            for b in bodies
            if type(b) is DsrIdentityVerified or b.dsr_id not in batch.entries
        }

    def _identify(  # noqa: PLR0917 - as `_open`
        self,
        work: Work,
        batch: Batch,
        message: Message,
        body: DsrIdentityVerified,
        view: RegisterView | None,
        tokens: Mapping[str, tuple[str, ...]],
        people: People,
    ) -> None:
        """The doubt is settled: the scope is planned as the register is now."""
        cause = message.received.envelope.id
        saga = batch.saga(body.dsr_id)
        clock = None if saga is None else identified(saga, body.at, batch.now)
        verified = events.IdentityVerified(batch.now, cause, body.controller_id, body.method, body.at, clock)
        decision = batch.apply(body.dsr_id, verified, cause)
        if decision.disposition is Disposition.REJECTED:
            work.park(message, decision.code, decision.detail)
        elif decision.disposition is Disposition.APPLIED:
            impose(batch, body.dsr_id, people.get(body.dsr_id, ()))
            self._plan(batch, body.dsr_id, body.controller_id, view, tokens, cause)

    def _open(  # noqa: PLR0917 - what one request brings with it
        self,
        batch: Batch,
        message: Message,
        body: DsrReceived,
        view: RegisterView | None,
        tokens: Mapping[str, tuple[str, ...]],
        people: People,
    ) -> None:
        cause = message.received.envelope.id
        received = events.DsrReceived(batch.now, cause, body, deadlines(body))
        if batch.apply(body.dsr_id, received, cause).disposition is not Disposition.APPLIED:
            return
        if body.identity != IN_DOUBT:
            if batch.standing.holds:
                impose(batch, body.dsr_id, people.get(body.dsr_id, ()))
            self._plan(batch, body.dsr_id, body.controller_id, view, tokens, cause)

    def _plan(  # noqa: PLR0917 - as `_open`
        self,
        batch: Batch,
        saga_id: UUID,
        controller_id: str,
        view: RegisterView | None,
        tokens: Mapping[str, tuple[str, ...]],
        cause: UUID,
    ) -> None:
        processors = () if view is None else view.of(controller_id)
        version = "0" * 64 if view is None else view.version
        batch.entries[saga_id].checked = 0 if view is None else view.id
        batch.apply(saga_id, events.ScopePlanned(batch.now, version, processors, tokens), cause)

    async def acks(self, work: Work, messages: Sequence[Message]) -> None:
        """Apply acknowledgements in order. What does not count is kept apart; what makes no sense is parked."""
        bodies = [(m, m.received.body) for m in messages]
        ids = [body.dsr_id for _, body in bodies if type(body) is TaskAcknowledged]
        batch, view = await self._office.open(work.tx, ids)
        await catch_up(batch, ids, view, self._office.vault)
        for message, body in bodies:
            if type(body) is TaskAcknowledged:
                self._take(work, batch, message, body)
            else:
                work.park(message, "unexpected_type", "this topic carries lethe.task.acknowledged only")
        await self._office.save(work, batch)

    async def subjects(self, work: Work, messages: Sequence[Message]) -> None:
        """What product services saw of people: only those count whose verified erasure it follows."""
        observed = [m.received.body for m in messages if isinstance(m.received.body, SubjectObserved)]
        observed = [o for o in observed if o.kind is not SubjectEventKind.ERASED]
        if not observed:
            return
        batch, _ = await self._office.open(work.tx, [])
        for seen, erasure in zip(observed, await self._office.store.erasures(work.tx, observed), strict=True):
            if erasure is not None:
                batch.reappeared(seen, *erasure)
        await self._office.save(work, batch)

    def _take(self, work: Work, batch: Batch, message: Message, body: TaskAcknowledged) -> None:
        cause = message.received.envelope.id
        decision = batch.apply(body.dsr_id, events.TaskAcked(batch.now, cause, body), cause)
        self._office.meters.ack(decision.disposition)
        if decision.disposition is Disposition.IGNORED:
            batch.strays.append(Stray(cause, body, decision.detail))
            if contradicts(batch.saga(body.dsr_id), body):
                detail = f"{body.verb.value}@{body.processor_id}: data was found"
                batch.park_incident(body, cause, Code.CONTRADICTED, detail)
        elif decision.disposition is Disposition.REJECTED:
            work.park(message, decision.code, decision.detail)
            batch.park_incident(body, cause, Code.REJECTED, f"{decision.code}: {decision.detail}")


def _same(saga: Saga, body: DsrReceived) -> bool:
    return (saga.controller_id, saga.subject_ref, saga.right) == (body.controller_id, body.subject_ref, body.right)
