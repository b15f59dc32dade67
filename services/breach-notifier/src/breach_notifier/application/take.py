"""Reports from the bus: one call per batch, inside the transaction that advances the offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breach_notifier.domain import events as e
from breach_notifier.domain.decision import Disposition
from breach_notifier.domain.fan import case_id
from breach_notifier.domain.words import Party
from lethe_events import BreachReported
from lethe_events.words import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from breach_notifier.application.batch import Batch
    from breach_notifier.application.office import Office
    from breach_notifier.domain.policy import ControllerPolicy
    from lethe_messaging import Message, Work


class Reports:
    """A message that makes no sense is parked; the others of its batch go on."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def take(self, work: Work, messages: Sequence[Message]) -> None:
        """Open a case for each controller that a report names. A redelivery finds its cases and changes nothing."""
        bodies = [(m, m.received.body) for m in messages]
        ids = [i for _, body in bodies if type(body) is BreachReported for i in self._ids(body)]
        batch = await self._office.open(work.tx, ids)
        for message, body in bodies:
            if type(body) is not BreachReported:
                work.park(message, "unexpected_type", "this topic carries lethe.breach.reported only")
                continue
            self._take(work, batch, message, body)
        await self._office.save(work, batch)

    def _ids(self, body: BreachReported) -> list[UUID]:
        known = self._office.policy.controllers
        return [case_id(body.breach_id, c, known[c].party) for c in body.controllers if c in known]

    def _take(self, work: Work, batch: Batch, message: Message, body: BreachReported) -> None:
        for controller in body.controllers:
            policy = self._office.policy.controllers.get(controller)
            if policy is None:
                detail = f"controller {controller} is not in this deployment's file: add it, then retry the message"
                work.park(message, "unknown_controller", detail)
                continue
            event = _opening(body, policy)
            decision = batch.apply(event.case_id, event, message.received.envelope.id)
            if decision.disposition is Disposition.REJECTED:
                work.park(message, decision.code, decision.detail)


def _opening(body: BreachReported, policy: ControllerPolicy) -> e.BreachSuspected | e.ProcessorNotified:
    """From the instant at which the report arrived at intake, however late it is read here."""
    id_ = case_id(body.breach_id, policy.controller_id, policy.party)
    evidence = (f"report:{body.breach_id}", *(f"asset:{asset}" for asset in body.assets))
    if body.reporter is Reporter.PROCESSOR and policy.party is Party.CONTROLLER:
        return e.ProcessorNotified(
            body.accepted_at,
            id_,
            body.breach_id,
            policy.controller_id,
            policy.country,
            policy.zone,
            policy.regime,
            body.processor_id or "unnamed",
            evidence,
            body.occurred_from,
        )
    return e.BreachSuspected(
        body.accepted_at,
        id_,
        body.breach_id,
        policy.controller_id,
        policy.party,
        policy.country,
        policy.zone,
        policy.regime,
        f"report:{body.reporter}",
        evidence,
        body.occurred_from,
    )
