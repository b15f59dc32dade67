"""What letters are made of: a controller's desk in one language, and what a saga told beside what the register says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict
from zoneinfo import ZoneInfo

import lethe_letters as l
from lethe_events.words import Right
from lethe_law import ground as law_ground
from lethe_law.breach.authorities import authorities
from lethe_law.places import ZONES
from lethe_letters import IncompleteLetter, Language, Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime
    from uuid import UUID

    from intake.domain.letter_policy import LetterPolicy
    from intake.domain.model import Controller
    from lethe_events import LetterReason, LetterRequested

_FORMATS = ("HTML", "JSON")


class Head(TypedDict):
    sender: l.Sender
    reference: str
    written_on: date


@dataclass(frozen=True, slots=True)
class Desk:
    """What letters of one controller have in common, in one language."""

    controller: Controller
    policy: LetterPolicy
    words: Words
    language: Language

    @classmethod
    def of(cls, controller: Controller, policy: LetterPolicy, language: str, *, uk: bool) -> Desk:
        return cls(controller, policy, Words(Language(language), uk=uk), Language(language))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(ZONES.get(self.controller.country, "UTC"))

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def head(self, dsr_id: UUID, at: datetime, *, uk: bool) -> Head:
        c, dpo = self.controller, self.policy.dpo
        contact = l.Contact(name=c.name, email=c.contact)
        named = None if dpo is None else l.Contact(name=dpo.name, email=dpo.email or c.contact, address=dpo.address)
        sender = l.Sender(name=c.name, contact=contact, dpo=named, uk=uk)
        return Head(sender=sender, reference=str(dsr_id), written_on=self.day(at))


@dataclass(frozen=True, slots=True)
class Told:
    """One letter's facts, in words."""

    desk: Desk
    body: LetterRequested
    register: Mapping[str, Any]

    @property
    def rights(self) -> tuple[str, ...]:
        return (self.body.right.value,)

    def category(self, code: str) -> str:
        return self.desk.words.label("categories", code)

    def categories(self, processors: Iterable[str], without: Iterable[str] = ()) -> tuple[str, ...]:
        """What these processors hold, each category once, by its name in the language."""
        left_out = set(without)
        codes = {c for p in processors for c in self.register.get(p, {}).get("categories", ()) if c not in left_out}
        return tuple(sorted({self.category(c) for c in codes})) or tuple(self.name(p) for p in processors)

    def name(self, processor: str) -> str:
        return str(self.register.get(processor, {}).get("name", processor))

    def authority(self) -> l.Authority:
        own, code = self.desk.policy.authority, self.body.authority
        if own is not None and code is None:
            return l.Authority(name=own.name, website=own.website or "", address=own.address)
        country = self.desk.controller.country
        known = authorities()
        found = known.get(code or self.body.country) or known.get(country) or known.get(country.partition("-")[0])
        if found is None:
            raise IncompleteLetter(
                "no supervisory authority is known of this country: name one under letters.authority"
            )
        return l.Authority(name=found.name, website=found.site)

    def reasons(self) -> tuple[l.Reason, ...]:
        return tuple(self._reason(reason) for reason in self.body.reasons)

    def because(self) -> tuple[str, ...]:
        return tuple(self.desk.words.label("reasons", code) for code in self.body.because)

    def _reason(self, reason: LetterReason) -> l.Reason:
        what = self.desk.words.label("phrases", "everything")
        if self.body.because:
            what = f"{what} ({self.desk.words.both(self.because())})"
        if reason.category is not None:
            what = self.category(reason.category)
        elif reason.processor_id is not None:
            what = self.desk.words.both(self.categories((reason.processor_id,)))
        until = None if reason.until is None else self.desk.day(reason.until)
        law = self._law(reason)
        return l.Reason(category=what, ground=reason.ground, law=law, until=until)

    def _law(self, reason: LetterReason) -> str | None:
        """Cited beside the ground's own article: another law, or the article by which an objection was weighed."""
        if "GDPR" not in reason.article:
            return reason.article
        weighed = self.body.right is Right.OBJECTION and reason.article != law_ground(reason.ground).article
        return self.desk.words.article(reason.article) if weighed else None

    def recipients(self) -> tuple[str, ...]:
        """Who else was told by being asked to do the same (Art. 19): processors are recipients too (Art. 4(9))."""
        told = {*self.body.processors, *self.body.pending, *self.body.told}
        return tuple(sorted(self.name(p) for p in told if self.register.get(p, {}).get("role", "") != "own_system"))

    def kept(self) -> set[str]:
        return {reason.category for reason in self.body.reasons if reason.category is not None}

    def copy(self) -> l.Copy | None:
        until = self.body.package_until
        if until is None:
            return None
        url = self.desk.policy.page_of(self.body.dsr_id)
        return l.Copy(url=url, until=until.astimezone(self.desk.zone), formats=_FORMATS)

    def purposes(self) -> tuple[str, ...]:
        return tuple(self.desk.words.label("uses", p) for p in self.body.purposes)
