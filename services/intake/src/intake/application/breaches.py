"""Reports and signals of what may be a personal data breach: stored and told once, however often one is sent."""

from __future__ import annotations

import asyncio
import base64
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from intake.domain.breach import check_report, report_fields
from intake.domain.errors import Fault, InvalidSubmission, KeyReused
from intake.domain.findings import signals_of
from intake.domain.submission import CLOCK_SKEW
from lethe_events import BreachReported, Envelope, encode
from lethe_events.ids import uuid7
from lethe_vault import Identifiers, Sealing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from intake.application.overload import Gate
    from intake.application.ports import Desk, Sealer
    from intake.domain.breach import BreachDraft
    from intake.domain.findings import Form
    from intake.domain.fingerprint import Fingerprints
    from intake.domain.model import Controller
    from lethe_events import Record, SecuritySignal
    from lethe_postgres import Tx

SOURCE = "/lethe/intake"


@dataclass(frozen=True, slots=True)
class Report:
    """What is kept of a report."""

    breach_id: uuid.UUID
    controller_id: str
    key: bytes
    fingerprint: bytes
    reporter: str
    reported_by: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    breach_id: uuid.UUID
    accepted_at: datetime
    replayed: bool = False


class ReportShelf(Protocol):
    async def insert(self, tx: Tx, report: Report) -> bool:
        """False: its key is known."""
        ...

    async def by_key(self, tx: Tx, controller_id: str, key: bytes) -> tuple[uuid.UUID, bytes, datetime]:
        """Id, fingerprint and acceptance of the report that has this key."""
        ...


@dataclass(frozen=True, slots=True)
class Breaches:
    """`processors`: those of the register, read anew for each call; gives None where no register is configured."""

    desk: Desk
    shelf: ReportShelf
    sealer: Sealer
    gate: Gate
    controllers: Mapping[str, Controller]
    processors: Callable[[], Collection[str] | None]
    fingerprints: Fingerprints
    now: Callable[[], datetime]
    entropy: Callable[[int], bytes]
    reports: str
    signals: str

    async def report(self, draft: BreachDraft, key: str, by: str, traceparent: str | None) -> Reported:
        """Returns after the report, its sealed description and its outbox row are committed.

        Never refused because much is waiting: a clock of 72 hours may hang on it. Raises InvalidSubmission, KeyReused.
        """
        now = self.now()
        known = await asyncio.to_thread(self.processors) if draft.processor_id else None
        place = check_report(draft, controllers=self.controllers, processors=known, now=now)
        first = draft.controllers[0]
        report = Report(
            uuid7(now, self.entropy(10)),
            first,
            self.fingerprints.of_key(first, key),
            self.fingerprints.of_fields(report_fields(draft)),
            draft.reporter.value,
            by,
            now,
        )
        async with self.desk.work() as work:
            if not await self.shelf.insert(work.tx, report):
                id_, fingerprint, at = await self.shelf.by_key(work.tx, first, report.key)
                if fingerprint != report.fingerprint:
                    raise KeyReused
                return Reported(id_, at, replayed=True)
            if draft.description:
                await self.sealer.seal(work.tx, [self._sealing(report, draft.description)])
            body = _reported(report, draft, place.country, place.regime)
            work.send([self._record(self.reports, str(report.breach_id), body, report.breach_id, now, traceparent)])
        return Reported(report.breach_id, now)

    async def signal(
        self, form: Form, findings: Sequence[object], *, controller_id: str, source: str, traceparent: str | None
    ) -> int:
        """Publish what monitoring found; a signal that is sent again counts once. Gives how many signals it makes.

        Raises InvalidSubmission, with nothing published, or Overloaded.
        """
        self.gate.admit(0)
        if controller_id not in self.controllers:
            fix = "use a configured one"
            raise InvalidSubmission([Fault("query.controller_id", "is not a controller of this installation", fix)])
        now = self.now()

        def naming(name: str) -> str:
            token = self.fingerprints.of_fields(["actor", controller_id, source, name])
            return base64.urlsafe_b64encode(token).decode().rstrip("=")

        found = signals_of(form, findings, controller_id=controller_id, source=source, naming=naming)
        late = [Fault("findings.time", "is in the future", "set the clock of the source")]
        if any(signal.at > now + CLOCK_SKEW for signal in found):
            raise InvalidSubmission(late)
        async with self.desk.work() as work:
            work.send([self._seen(signal, now, traceparent) for signal in found])
        return len(found)

    def _seen(self, signal: SecuritySignal, now: datetime, traceparent: str | None) -> Record:
        return self._record(self.signals, signal.asset, signal, signal.signal_id, now, traceparent)

    def _sealing(self, report: Report, description: str) -> Sealing:
        reference = uuid.UUID(bytes=self.entropy(16), version=4)
        return Sealing(report.breach_id, reference, report.controller_id, Identifiers({}), description)

    def _record(  # noqa: PLR0917 - the parts of a message
        self,
        topic: str,
        key: str,
        body: BreachReported | SecuritySignal,
        id_: uuid.UUID,
        at: datetime,
        traceparent: str | None,
    ) -> Record:
        envelope = Envelope(
            id=id_, source=SOURCE, time=at, correlation_id=id_, causation_id=None, traceparent=traceparent
        )
        return encode(topic, key, body, envelope)


def _reported(report: Report, draft: BreachDraft, country: str, regime: str) -> BreachReported:
    return BreachReported(
        breach_id=report.breach_id,
        controllers=tuple(draft.controllers),
        reporter=draft.reporter,
        accepted_at=report.accepted_at,
        country=country,
        regime=regime,
        processor_id=draft.processor_id,
        noticed_at=draft.noticed_at,
        occurred_from=draft.occurred_from,
        occurred_to=draft.occurred_to,
        kinds=tuple(draft.kinds),
        assets=tuple(draft.assets),
        categories=tuple(draft.categories),
        subjects=draft.subjects,
        described=bool(draft.description),
    )
