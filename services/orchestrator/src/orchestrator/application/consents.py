"""The ledger of consents: what people said of each purpose, as product services tell it. Art. 7(1), 7(3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID

from lethe_events import ConsentChanged, ConsentState
from lethe_events.ids import message_id, uuid5
from orchestrator.application.batch import Incident
from orchestrator.domain.words import Code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from lethe_messaging import Message, Work
    from lethe_postgres import Tx
    from orchestrator.application.office import Office
    from orchestrator.application.ports import RegisterView


_LEDGER = UUID("6a1f7a52-0f0c-5d0e-8f0e-7a1d3c5298cc")
"""Namespace of the ids of incidents about entries; never changed, so that a replay opens none anew."""


class Said(NamedTuple):
    """One entry. What was said last, by `at`, counts."""

    purpose: str
    state: ConsentState
    said_by: str
    at: datetime
    dsr_id: UUID | None


class Ledger(Protocol):
    async def enter(self, tx: Tx, entries: Sequence[ConsentChanged]) -> Collection[int]:
        """Keep those that are not there; gives their places in `entries`."""
        ...

    async def of(self, processor_id: str, token: str, controllers: Collection[str]) -> Sequence[Said]:
        """All that a person said at a processor, newest first."""
        ...


class Consents:
    """Takes what `subject.events` says of consent; everything else on the topic goes on to `others`."""

    def __init__(
        self, office: Office, ledger: Ledger, others: Callable[[Work, Sequence[Message]], Awaitable[None]]
    ) -> None:
        self._office = office
        self._ledger = ledger
        self._others = others

    async def subjects(self, work: Work, messages: Sequence[Message]) -> None:
        """A replay of the topic from its beginning changes nothing."""
        said = [m for m in messages if isinstance(m.received.body, ConsentChanged)]
        if said:
            await self._take(work, said)
        if len(said) < len(messages):
            await self._others(work, [m for m in messages if not isinstance(m.received.body, ConsentChanged)])

    async def _take(self, work: Work, messages: Sequence[Message]) -> None:
        batch, view = await self._office.open(work.tx, [])
        entries: dict[tuple[object, ...], ConsentChanged] = {}
        for message in messages:
            body = message.received.body
            assert isinstance(body, ConsentChanged), "picked by its type"
            if _foreign(body, view):
                work.park(message, "unknown_processor", "the register has no such processor for this controller")
                continue
            entries.setdefault(_key(body), body)
        wanted = list(entries.values())
        for place in sorted(await self._ledger.enter(work.tx, wanted)):
            body = wanted[place]
            if body.state is ConsentState.WITHDRAWN and body.dsr_id is None:
                batch.incidents.append(_unserved(body, batch.now))
        await self._office.save(work, batch)


def _key(body: ConsentChanged) -> tuple[object, ...]:
    return body.controller_id, body.processor_id, body.subject_token, body.purpose, body.at, body.state


def _foreign(body: ConsentChanged, view: RegisterView | None) -> bool:
    controllers: Mapping[str, tuple[str, ...]] = {} if view is None else view.controllers
    return view is not None and body.processor_id not in controllers.get(body.controller_id, ())


def _unserved(body: ConsentChanged, now: datetime) -> Incident:
    """A token is good at its own processor alone: without a request nobody else learns of the withdrawal."""
    name = f"{body.controller_id}|{body.processor_id}|{body.subject_token}|{body.purpose}|{body.at.isoformat()}"
    id_ = message_id(uuid5(_LEDGER, name), 0, 0)
    detail = f"{body.purpose}: said by {body.said_by}"
    return Incident(id_, None, body.controller_id, body.processor_id, None, Code.CONSENT_UNSERVED.value, detail, now)
