"""Letters to data subjects: contacts are read, letters ordered page by page, what became of them goes on record."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from breach_notifier.application.scopes import Errand
from breach_notifier.domain.decision import Disposition
from breach_notifier.domain.errors import Refused
from breach_notifier.domain.events import SubjectsTold
from breach_notifier.domain.letters import check_owed, exempt, from_json, purpose_of, recipient, to_json
from lethe_delivery import OnDoubt, Order, State, enqueue
from lethe_events import ExportPart, Search
from lethe_events.breaches import page_of
from lethe_events.canonical import canonical
from lethe_postgres import crashpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from breach_notifier.application.acts import Person
    from breach_notifier.application.letter_ports import ContactVault, Mailing, MailingStore, Words, Writing
    from breach_notifier.application.office import Office
    from breach_notifier.application.people_ports import ScopeStore, Sought
    from breach_notifier.application.ports import Desk
    from breach_notifier.application.scopes import Scopes
    from breach_notifier.domain.letters import Content

LETTER = "breach_to_subject"
CHANNEL = "email"
QUIET = 0.5  # seconds
WAITING = 2000
"""Letters that wait in the queue at most: their contacts come from few pages."""
_OPEN = (State.QUEUED, State.CLAIMED, State.SENDING, State.UNCERTAIN)


class Mailings:
    """Raises Refused. Every step is one transaction and may be taken again; nobody gets a second letter."""

    def __init__(  # noqa: PLR0917 - its parts
        self,
        office: Office,
        desk: Desk,
        scopes: Scopes,
        searches: ScopeStore,
        store: MailingStore,
        vault: ContactVault,
        writing: Writing,
    ) -> None:
        self._office = office
        self._desk = desk
        self._scopes = scopes
        self._searches = searches
        self._store = store
        self._vault = vault
        self._writing = writing

    async def public(self, person: Person, case_id: UUID, content: Content, affected: str) -> dict[str, Words]:
        """The public communication in each language (Art. 34(3)(c)). Nothing is stored; a person publishes it."""
        async with self._desk.work() as work:
            batch = await self._office.open(work.tx, [case_id])
            case = batch.case(case_id)
            if case is None or case.controller_id not in person.controllers:
                raise Refused("not_found", "there is no such case, or it is not yours to see")
        day = batch.now.date()
        return {k: self._writing.public(case, said, k, day, affected) for k, said in content.said.items()}

    async def order(self, person: Person, case_id: UUID, content: Content) -> int:
        """Write to everybody of the last scope who was not written to about this occurrence; gives its number."""
        async with self._desk.work() as work:
            batch = await self._office.open(work.tx, [case_id])
            case = batch.case(case_id)
            if case is None or case.controller_id not in person.controllers:
                raise Refused("not_found", "there is no such case, or it is not yours to see")
            check_owed(case)
            self._writing.check(case, content, batch.now.date())
            latest = await self._store.latest(work.tx, case_id)
            if latest.under_way or latest.counting:
                raise Refused("under_way", "people are being counted or written to: wait until that has ended")
            if not latest.scope:
                raise Refused("not_counted", "say first what the incident reached: who is concerned is not known")
            sought = await self._searches.searches(case_id, Search.LOCATE.value, latest.scope)
            found = {s.processor_id: () for s in sought if s.failure is None and s.people}
            if not found:
                raise Refused("no_contacts", "no system in scope can be asked for contacts: tell people publicly")
            text = canonical(to_json(content)).decode()
            number = latest.mailing + 1
            await self._store.insert(work.tx, case, number, latest.scope, text, person.name)
            await self._scopes.prepare(work, Errand(case, number, Search.CONTACT, batch.now, found, {}))
            crashpoint("people.asked")
        return number

    async def step(self) -> float:
        """Bring every mailing one step on; gives the seconds until the next."""
        moved = False
        under_way = await self._store.open()
        if not under_way:
            self._writing.rest()
        for mailing in under_way:
            if mailing.state == "stopped":
                await self._store.withdraw(mailing, "stopped")
            elif mailing.state == "asking":
                moved |= await self._ask(mailing)
            else:
                moved |= await self._send(mailing)
        return 0.0 if moved else QUIET

    async def _ask(self, mailing: Mailing) -> bool:
        """Seal who is wanted, ask; once everything is answered, begin to send."""
        sought = await self._searches.searches(mailing.case_id, Search.CONTACT.value, mailing.number)
        unasked = [s for s in sought if s.document_id is None]
        if unasked:
            parts = {s.processor_id: await self._seal(mailing, s) for s in unasked}
            async with self._desk.work() as work:
                batch = await self._office.open(work.tx, [mailing.case_id])
                case = batch.case(mailing.case_id)
                assert case is not None, "a mailing belongs to a case"
                wanted: dict[str, tuple[str, ...]] = {s.processor_id: () for s in unasked}
                errand = Errand(case, mailing.number, Search.CONTACT, mailing.ordered_at, wanted, parts)
                await self._store.sent_off(work.tx, {s.task_id: parts[s.processor_id].document_id for s in unasked})
                work.send(errand.messages(self._office.topics.searches.name, batch.now))
            return True
        if any(s.answered_at is None for s in sought):
            return False
        async with self._desk.work() as work:
            await self._store.becomes(work.tx, mailing, "sending")
        return True

    async def _seal(self, mailing: Mailing, search: Sought) -> ExportPart:
        lines = self._store.wanted(mailing, possible=from_json(json.loads(mailing.content)).possible)
        stored = await self._vault.store(search.task_id, lines)
        return ExportPart(document_id=stored.document_id, sha256=stored.sha256, size=stored.size, records=0)

    async def _send(self, mailing: Mailing) -> bool:
        async with self._desk.work() as work:
            case = (await self._office.open(work.tx, [mailing.case_id])).case(mailing.case_id)
            assert case is not None, "a mailing belongs to a case"
            if exempt(case):
                await self._store.becomes(work.tx, mailing, "stopped", "exempt")
                return True
        sought = await self._searches.searches(mailing.case_id, Search.CONTACT.value, mailing.number)
        letters = await self._store.letters(mailing.case_id)
        unfed = next((s for s in sought if s.fed < s.pages), None)
        if unfed is not None:
            return letters.get(State.QUEUED, 0) < WAITING and await self._feed(mailing, unfed)
        if any(letters.get(state) for state in _OPEN):
            return False
        await self._finish(mailing)
        return True

    async def _feed(self, mailing: Mailing, search: Sought) -> bool:
        """Order the letters of one page of contacts."""
        page = page_of(search.task_id, search.fed)
        contacts = {recipient(c.person): c.ref for c in await self._vault.contacts(page, search.task_id)}
        purpose = purpose_of(mailing.case_id, mailing.occurrence)
        async with self._desk.work() as work:
            if not await self._store.fed(work.tx, mailing, search, contacts):
                return False
            await enqueue(work.tx, [_order(mailing, purpose, person) for person in contacts])
            crashpoint("people.fed")
        return True

    async def _finish(self, mailing: Mailing) -> None:
        """What became of every letter goes on record with the hash of the list."""
        purpose = purpose_of(mailing.case_id, mailing.occurrence)
        content = from_json(json.loads(mailing.content))
        rows = await self._store.deliveries(mailing, purpose)
        told = sum(row["state"] == State.SENT for row in rows)
        missed = await self._store.missed(mailing, purpose, possible=content.possible)
        proof = _proof([dict(row, id=str(row["id"])) for row in rows])
        async with self._desk.work() as work:
            if not await self._store.still(work.tx, mailing):
                return
            batch = await self._office.open(work.tx, [mailing.case_id])
            event = SubjectsTold(batch.now, mailing.ordered_by, told, missed, proof)
            decision = batch.apply(mailing.case_id, event)
            refused = decision.disposition is Disposition.REJECTED
            await self._store.becomes(work.tx, mailing, *(("stopped", decision.code) if refused else ("told",)))
            await self._office.save(work, batch)
            crashpoint("people.told")


def _order(mailing: Mailing, purpose: str, person: UUID) -> Order:
    return Order(
        channel=CHANNEL,
        purpose=purpose,
        recipient_ref=person,
        matter=mailing.case_id,
        letter=LETTER,
        on_doubt=OnDoubt.HOLD,
    )


def _proof(rows: Sequence[object]) -> str:
    """SHA-256 over the canonical list of deliveries; the rows stay, so that it can be made again."""
    return sha256(canonical(rows)).hexdigest()
