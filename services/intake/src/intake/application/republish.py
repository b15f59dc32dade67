"""Saying again what intake said, from PostgreSQL alone: for when Kafka lost it before the saga heard.

Every message has the id it had, so whoever knows it does nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from intake.application.accept import SOURCE
from intake.application.telling import told_once
from lethe_events import Envelope, encode
from lethe_events.topics import REQUESTS
from lethe_messaging import Person, record_operation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from intake.application.ports import Desk
    from lethe_events import DsrIdentityVerified, DsrReceived, DsrWithdrawn, Record
    from lethe_postgres import Tx

LIMIT = 500


class Republished(NamedTuple):
    """Requests looked at, messages said again; `last`: behind which the next page begins, None if there is none."""

    dsrs: int
    messages: int
    last: UUID | None = None


@dataclass(frozen=True, slots=True)
class Untold:
    """What intake said of one request, as far as it has to be said again."""

    dsr_id: UUID
    received: DsrReceived | None
    withdrawn: DsrWithdrawn | None
    verified: DsrIdentityVerified | None


class Shelf(Protocol):
    async def untold(self, tx: Tx, controller_ids: Iterable[str], after: UUID | None, limit: int) -> list[Untold]:
        """Open requests behind `after`, by id: the saga told nothing yet, or they were verified or taken back."""
        ...


class Republishing:
    """Each page is one transaction with its entry in the journal of operations."""

    def __init__(self, desk: Desk, shelf: Shelf, topic: str = REQUESTS.name) -> None:
        self._desk = desk
        self._shelf = shelf
        self._topic = topic

    async def page(self, by: str, controller_ids: Iterable[str], reason: str, after: UUID | None) -> Republished:
        """The next LIMIT of them. A request whose identifiers are shredded is over, and is not said again."""
        async with self._desk.work() as work:
            found = await self._shelf.untold(work.tx, controller_ids, after, LIMIT)
            if not found:
                return Republished(0, 0)
            records = [record for each in found for record in self._said(each)]
            work.send(records)
            done = {"dsrs": [str(each.dsr_id) for each in found], "messages": len(records)}
            await record_operation(work.tx, "republish", Person(by, reason), done)
        return Republished(len(found), len(records), found[-1].dsr_id if len(found) == LIMIT else None)

    def _said(self, each: Untold) -> Iterable[Record]:
        if each.received is not None:
            id_, at = each.dsr_id, each.received.accepted_at
            envelope = Envelope(id=id_, source=SOURCE, time=at, correlation_id=id_, causation_id=None)
            yield encode(self._topic, str(id_), each.received, envelope)
        if each.verified is not None:
            yield told_once(self._topic, each.verified, "identity-verified", None)
        if each.withdrawn is not None:
            yield told_once(self._topic, each.withdrawn, "withdrawn", None)
