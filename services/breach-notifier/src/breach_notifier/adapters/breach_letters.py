"""Letters to data subjects as they are carried: the words of the mailing, the address from the vault, kept nowhere."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import yaml

from breach_notifier.adapters.store import PACKAGE, read_case
from breach_notifier.domain.errors import Refused
from breach_notifier.domain.letters import exempt, from_json, recipient
from lethe_delivery import Mail, Unreachable
from lethe_events.breaches import page_of
from lethe_letters import BreachPublic, BreachToSubject, Contact, Language, Letters, Sender
from lethe_letters.errors import LetterError
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from uuid import UUID

    import asyncpg

    from breach_notifier.application.letter_ports import Contact as Reached
    from breach_notifier.application.letter_ports import ContactVault
    from breach_notifier.domain.case import Case
    from breach_notifier.domain.letters import Content, Said
    from lethe_delivery import Due
    from lethe_letters import Rendered
    from lethe_postgres import Database

_PAGES = 64
"""Pages of contacts that are in memory at most."""


class Wording:
    """The letters of each controller. `senders`: who writes, by controller."""

    def __init__(self, senders: Mapping[str, Sender]) -> None:
        self._senders = senders
        self._letters = Letters()
        self.when_resting: Callable[[], None] = lambda: None

    def rest(self) -> None:
        self.when_resting()

    def sender(self, controller_id: str) -> Sender:
        """Raises Refused."""
        found = self._senders.get(controller_id)
        if found is None:
            raise Refused("unknown_controller", "the controller is no longer in this deployment's file: add it")
        return found

    def letter(self, case: Case, said: Said, language: str, written_on: date) -> Rendered:
        """To everybody concerned alike: it names nobody. Raises Refused where the law asks for more than is said."""
        facts = self._facts(case, said, written_on)
        return self._render(lambda: BreachToSubject(**facts), language)

    def public(self, case: Case, said: Said, language: str, written_on: date, affected: str) -> Rendered:
        """The public communication in place of letters (Art. 34(3)(c))."""
        facts = self._facts(case, said, written_on)
        return self._render(lambda: BreachPublic(**facts, affected=affected), language)

    def check(self, case: Case, content: Content, written_on: date) -> None:
        """Render every language once. Raises Refused, before anybody is written to."""
        for language, said in content.said.items():
            self.letter(case, said, language, written_on)

    def _facts(self, case: Case, said: Said, written_on: date) -> dict[str, Any]:
        if case.clock is None:
            raise Refused("not_aware", "nobody is aware of a breach yet")
        return {
            "sender": self.sender(case.controller_id),
            "reference": str(case.id),
            "written_on": written_on,
            "nature": said.nature,
            "categories": said.categories,
            "discovered_on": case.clock.aware_at.astimezone(ZoneInfo(case.zone)).date(),
            "consequences": said.consequences,
            "measures": said.measures,
            "advice": said.advice,
        }

    def _render(self, letter: Callable[[], BreachToSubject | BreachPublic], language: str) -> Rendered:
        try:
            return self._letters.render(letter(), Language(language))
        except (LetterError, ValueError) as error:
            raise Refused("incomplete_letter", str(error)) from None


class _Sending(NamedTuple):
    """A mailing whose letters go out."""

    case: Case
    number: int
    content: Content
    ordered_at: datetime


class BreachLetters:
    """A `Composer`. `sender`: the address that letters come from."""

    def __init__(self, database: Database, vault: ContactVault, wording: Wording, sender: str) -> None:
        self._database = database
        self._vault = vault
        self._wording = wording
        self._sender = sender
        self._sql = load_queries(PACKAGE, "letters.sql")
        self._pages: OrderedDict[UUID, Mapping[UUID, Reached]] = OrderedDict()
        self._rendered: dict[tuple[UUID, int, str], Rendered] = {}
        wording.when_resting = self._pages.clear

    async def compose(self, due: Sequence[Due]) -> Mapping[UUID, Mail | Unreachable]:
        """Those of a mailing that was stopped meanwhile are left out."""
        sending = await self._sending({one.matter for one in due})
        rows = await self._database.fetch(
            self._sql["places"], [one.matter for one in due], [one.recipient_ref for one in due]
        )
        places = {(row["case_id"], row["person"]): row for row in rows}
        found: dict[UUID, Mail | Unreachable] = {}
        for one in due:
            row = places.get((one.matter, one.recipient_ref))
            mailing = sending.get(one.matter)
            if row is not None and mailing is not None and row["number"] == mailing.number:
                found[one.id] = await self._mail(one, row, mailing)
        return found

    async def _sending(self, case_ids: Collection[UUID]) -> dict[UUID, _Sending]:
        """Mailings that may go on, by case."""
        rows = await self._database.fetch(self._sql["sending"], list(case_ids))
        read = [
            _Sending(read_case(r["case_content"]), r["number"], from_json(json.loads(r["content"])), r["ordered_at"])
            for r in rows
        ]
        return {one.case.id: one for one in read if not exempt(one.case)}

    async def _mail(self, due: Due, row: asyncpg.Record, mailing: _Sending) -> Mail | Unreachable:
        contact = (await self._page(row["task_id"], row["page"])).get(due.recipient_ref)
        if contact is None:
            return Unreachable("the contact is not sealed there any more")
        rendered = self._letter(mailing, contact.language)
        name = self._wording.sender(mailing.case.controller_id)
        return Mail(
            to=contact.to,
            sender=f"{_phrase(name.name)} <{self._sender}>",
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            reply_to=name.contact.email if "@" in name.contact.email else None,
            to_many=True,
        )

    def _letter(self, mailing: _Sending, language: str) -> Rendered:
        """The same for everybody of one mailing and language."""
        case, chosen = mailing.case, mailing.content.language(language)
        key = (case.id, mailing.number, chosen)
        if key not in self._rendered:
            if len(self._rendered) > _PAGES:
                self._rendered.clear()
            day = mailing.ordered_at.astimezone(ZoneInfo(case.zone)).date()
            self._rendered[key] = self._wording.letter(case, mailing.content.said[chosen], chosen, day)
        return self._rendered[key]

    async def _page(self, task_id: UUID, number: int) -> Mapping[UUID, Reached]:
        id_ = page_of(task_id, number)
        if id_ not in self._pages:
            contacts = await self._vault.contacts(id_, task_id)
            self._pages[id_] = {recipient(c.person): c for c in contacts}
            while len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(id_)
        return self._pages[id_]


def read_senders(controllers: Path) -> dict[str, Sender]:
    """From the file of controllers, which was checked before."""
    entries = yaml.safe_load(controllers.read_text(encoding="utf-8"))["controllers"]
    found = {}
    for entry in entries:
        name = entry.get("name") or entry["controller_id"]
        contact = Contact(name=name, email=entry.get("contact") or name)
        found[entry["controller_id"]] = Sender(name=name, contact=contact, uk=entry.get("regime") == "uk-gdpr")
    return found


def _phrase(name: str) -> str:
    """A display name as RFC 5322 wants it quoted."""
    return '"' + name.replace("\\", "").replace('"', "") + '"'
