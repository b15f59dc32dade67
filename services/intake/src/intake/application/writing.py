"""From facts to letters: of which type, filled with what the saga told and the register said, in one language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict
from zoneinfo import ZoneInfo

import lethe_letters as l
from lethe_events import LetterRequested
from lethe_events.models import from_python
from lethe_events.words import Right
from lethe_law import ground as law_ground
from lethe_law.breach.authorities import authorities
from lethe_law.places import EEA, ZONES
from lethe_letters import IncompleteLetter, Language, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date, datetime
    from uuid import UUID

    from intake.domain.letter_policy import LetterPolicy
    from intake.domain.model import Controller
    from lethe_events import LetterReason

_FORMATS = ("HTML", "JSON")
_ADEQUACY = frozenset({"adequacy", "adequacy_decision", "eu_us_dpf", "dpf"})
"""Mechanisms of Art. 45: where they hold there are no safeguards of Art. 46 to tell of (Art. 15(2))."""
_FAMILIES = {"scc": "scc", "standard": "scc", "bcr": "bcr", "binding": "bcr"}


class _Head(TypedDict):
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

    def head(self, dsr_id: UUID, at: datetime, *, uk: bool) -> _Head:
        c, dpo = self.controller, self.policy.dpo
        contact = l.Contact(name=c.name, email=c.contact)
        named = None if dpo is None else l.Contact(name=dpo.name, email=dpo.email or c.contact, address=dpo.address)
        sender = l.Sender(name=c.name, contact=contact, dpo=named, uk=uk)
        return _Head(sender=sender, reference=str(dsr_id), written_on=self.day(at))


def acknowledgement(desk: Desk, row: Mapping[str, Any], at: datetime) -> l.Letter:
    """From the request as it was accepted."""
    rights = ("access", row["right_asked"]) if row["export_first"] else (row["right_asked"],)
    head = desk.head(row["dsr_id"], at, uk=row["regime"] == "uk-gdpr")
    return l.Acknowledgement(**head, rights=rights, received_on=desk.day(row["received_at"]), answer_by=row["due_date"])


def letter_of(desk: Desk, facts: Mapping[str, Any], at: datetime) -> l.Letter:
    """Raises LetterError where the facts do not make a letter; the same facts give the same one."""
    body = from_python(LetterRequested, {k: v for k, v in facts.items() if k != "register"})
    make = _MAKE.get(body.kind)
    if make is None:
        raise IncompleteLetter(f"there is no letter of the kind {body.kind!r} to a data subject")
    return make(_Told(desk, body, facts.get("register", {})), desk.head(body.dsr_id, at, uk=body.regime == "uk-gdpr"))


@dataclass(frozen=True, slots=True)
class _Told:
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


def _extension(t: _Told, head: _Head) -> l.Letter:
    day, body = t.desk.day, t.body
    assert body.first_due is not None, "an extension has dates"
    assert body.new_due is not None, "an extension has dates"
    return l.Extension(
        **head,
        rights=t.rights,
        received_on=day(body.received_at),
        first_due=_last_day(t.desk, body.first_due),
        new_due=_last_day(t.desk, body.new_due),
        reasons=t.because(),
    )


def _last_day(desk: Desk, end: datetime) -> date:
    """A period ends at 24:00 of its last day, which is 0:00 of the next."""
    return desk.day(end - timedelta(seconds=1))


def _refused(t: _Told, head: _Head) -> l.Letter:
    return l.Refused(**head, rights=t.rights, reasons=t.reasons(), authority=t.authority())


def _withdrawn(t: _Told, head: _Head) -> l.Letter:
    return l.Withdrawn(**head, rights=t.rights, withdrawn_on=t.desk.day(t.body.at))


def _nothing_held(t: _Told, head: _Head) -> l.Letter:
    return l.NothingHeld(**head, rights=t.rights, searched_on=t.desk.day(t.body.at), authority=t.authority())


def _pending(t: _Told) -> dict[str, Any]:
    until = t.body.pending_until
    pending = t.categories(t.body.pending) if t.body.pending else ()
    return {"pending": pending, "pending_until": None if until is None or not pending else t.desk.day(until)}


def _erased(t: _Told, head: _Head) -> l.Letter:
    done = t.categories(t.body.processors) if t.body.processors else ()
    return l.Erased(**head, categories=done, done_on=t.desk.day(t.body.at), recipients=t.recipients(), **_pending(t))


def _partially_granted(t: _Told, head: _Head) -> l.Letter:
    return l.PartiallyGranted(
        **head,
        rights=t.rights,
        granted=t.categories(t.body.processors or t.body.pending, without=t.kept()),
        reasons=t.reasons(),
        authority=t.authority(),
        recipients=t.recipients(),
        **_pending(t),
    )


def _kept_erased(t: _Told, head: _Head) -> l.Letter:
    categories = tuple(sorted({t.category(c) for c in t.body.categories})) or t.categories(t.body.processors)
    told_on = t.desk.day(t.body.earlier_at or t.body.at)
    return l.KeptErased(**head, categories=categories, told_on=told_on, erased_on=t.desk.day(t.body.at))


def _access_answer(t: _Told, head: _Head) -> l.Letter:
    where = [t.register[p] for p in t.body.processors if p in t.register] or list(t.register.values())
    decisions = {
        tuple(a): l.AutomatedDecision(name=a[0], logic=a[1], consequences=a[2]) for p in where for a in p["automated"]
    }
    return l.AccessAnswer(
        **head,
        activities=tuple(a for p in where for a in _activities(t, p)),
        authority=t.authority(),
        recipients=tuple(_recipient(t, p) for p in t.register.values() if p["role"] != "own_system"),
        sources=tuple(sorted({source for p in where for source in p["sources"]})),
        automated=tuple(decisions.values()),
        copy=t.copy(),
    )


def _activities(t: _Told, processor: Mapping[str, Any]) -> list[l.Activity]:
    words = t.desk.words
    categories = tuple(dict.fromkeys(t.category(c) for c in processor["categories"]))
    periods = [
        words.label("phrases", "until").format(category=t.category(category), until=until)
        for category, until in processor["retention"]
    ]
    period = "; ".join(
        [*periods, words.label("phrases", "as_needed")] if periods else [words.label("phrases", "as_needed")]
    )
    return [
        l.Activity(purpose=words.label("uses", use), basis=basis, categories=categories, period=period)
        for use, basis in processor["purposes"]
    ]


def _recipient(t: _Told, processor: Mapping[str, Any]) -> l.Recipient:
    words, country, mechanism = t.desk.words, processor["country"], processor["mechanism"]
    third = None if country is None or country.partition("-")[0] in EEA else words.country(country)
    safeguard = None
    if third is not None and mechanism is not None and mechanism not in _ADEQUACY:
        family = _FAMILIES.get(mechanism.partition("_")[0], mechanism)
        safeguard = words.label("mechanisms", family)
    role = words.label("roles", processor["role"])
    return l.Recipient(name=processor["name"], role=role, third_country=third, safeguard=safeguard)


def _portability(t: _Told, head: _Head) -> l.Letter:
    copy = t.copy()
    if copy is None:
        raise IncompleteLetter("a portable copy is told with the place where it is fetched")
    return l.Portability(**head, copy=copy)


def _rectified(t: _Told, head: _Head) -> l.Letter:
    changes = tuple(sorted({t.category(c) for c in t.body.categories})) or t.categories(t.body.processors)
    return l.Rectified(**head, changes=changes, done_on=t.desk.day(t.body.at), recipients=t.recipients())


def _restricted(t: _Told, head: _Head) -> l.Letter:
    categories = tuple(sorted({t.category(c) for c in t.body.categories})) or t.categories(t.body.processors)
    day = t.desk.day(t.body.at)
    return l.Restricted(**head, categories=categories, since=day, point=t.body.point or "", recipients=t.recipients())


def _objection_upheld(t: _Told, head: _Head) -> l.Letter:
    day = t.desk.day(t.body.at)
    return l.ObjectionUpheld(**head, purposes=t.purposes(), stopped_on=day, marketing=t.body.marketing)


def _automated_review(t: _Told, head: _Head) -> l.Letter:
    return l.AutomatedReview(
        **head,
        decision=t.body.decision or "",
        decided_on=t.desk.day(t.body.at),
        changed=t.body.changed,
        reasons=t.because(),
        authority=t.authority(),
    )


def _consent_withdrawn(t: _Told, head: _Head) -> l.Letter:
    return l.ConsentWithdrawn(**head, purposes=t.purposes(), withdrawn_on=t.desk.day(t.body.at))


_MAKE: Mapping[str, Callable[[_Told, _Head], l.Letter]] = {
    "extension": _extension,
    "refused": _refused,
    "withdrawn": _withdrawn,
    "nothing_held": _nothing_held,
    "erased": _erased,
    "partially_granted": _partially_granted,
    "kept_erased": _kept_erased,
    "access_answer": _access_answer,
    "portability": _portability,
    "rectified": _rectified,
    "restricted": _restricted,
    "objection_upheld": _objection_upheld,
    "consent_withdrawn": _consent_withdrawn,
    "automated_review": _automated_review,
}
