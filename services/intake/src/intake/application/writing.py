"""From facts to letters: of which type, filled with what the saga told and the register said, in one language."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import lethe_letters as l
from intake.application.letter_facts import Told
from lethe_events import LetterRequested
from lethe_events.models import from_python
from lethe_law.places import EEA
from lethe_letters import IncompleteLetter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from intake.application.letter_facts import Desk, Head

_ADEQUACY = frozenset({"adequacy", "adequacy_decision", "eu_us_dpf", "dpf"})
"""Mechanisms of Art. 45: where they hold there are no safeguards of Art. 46 to tell of (Art. 15(2))."""
_FAMILIES = {"scc": "scc", "standard": "scc", "bcr": "bcr", "binding": "bcr"}


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
    return make(Told(desk, body, facts.get("register", {})), desk.head(body.dsr_id, at, uk=body.regime == "uk-gdpr"))


def _extension(t: Told, head: Head) -> l.Letter:
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


def _refused(t: Told, head: Head) -> l.Letter:
    return l.Refused(**head, rights=t.rights, reasons=t.reasons(), authority=t.authority())


def _withdrawn(t: Told, head: Head) -> l.Letter:
    return l.Withdrawn(**head, rights=t.rights, withdrawn_on=t.desk.day(t.body.at))


def _nothing_held(t: Told, head: Head) -> l.Letter:
    return l.NothingHeld(**head, rights=t.rights, searched_on=t.desk.day(t.body.at), authority=t.authority())


def _pending(t: Told) -> dict[str, Any]:
    until = t.body.pending_until
    pending = t.categories(t.body.pending) if t.body.pending else ()
    return {"pending": pending, "pending_until": None if until is None or not pending else t.desk.day(until)}


def _erased(t: Told, head: Head) -> l.Letter:
    done = t.categories(t.body.processors) if t.body.processors else ()
    return l.Erased(**head, categories=done, done_on=t.desk.day(t.body.at), recipients=t.recipients(), **_pending(t))


def _partially_granted(t: Told, head: Head) -> l.Letter:
    return l.PartiallyGranted(
        **head,
        rights=t.rights,
        granted=t.categories(t.body.processors or t.body.pending, without=t.kept()),
        reasons=t.reasons(),
        authority=t.authority(),
        recipients=t.recipients(),
        **_pending(t),
    )


def _kept_erased(t: Told, head: Head) -> l.Letter:
    categories = tuple(sorted({t.category(c) for c in t.body.categories})) or t.categories(t.body.processors)
    told_on = t.desk.day(t.body.earlier_at or t.body.at)
    return l.KeptErased(**head, categories=categories, told_on=told_on, erased_on=t.desk.day(t.body.at))


def _access_answer(t: Told, head: Head) -> l.Letter:
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


def _activities(t: Told, processor: Mapping[str, Any]) -> list[l.Activity]:
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


def _recipient(t: Told, processor: Mapping[str, Any]) -> l.Recipient:
    words, country, mechanism = t.desk.words, processor["country"], processor["mechanism"]
    third = None if country is None or country.partition("-")[0] in EEA else words.country(country)
    safeguard = None
    if third is not None and mechanism is not None and mechanism not in _ADEQUACY:
        family = _FAMILIES.get(mechanism.partition("_")[0], mechanism)
        safeguard = words.label("mechanisms", family)
    role = words.label("roles", processor["role"])
    return l.Recipient(name=processor["name"], role=role, third_country=third, safeguard=safeguard)


def _portability(t: Told, head: Head) -> l.Letter:
    copy = t.copy()
    if copy is None:
        raise IncompleteLetter("a portable copy is told with the place where it is fetched")
    return l.Portability(**head, copy=copy)


def _rectified(t: Told, head: Head) -> l.Letter:
    changes = tuple(sorted({t.category(c) for c in t.body.categories})) or t.categories(t.body.processors)
    return l.Rectified(**head, changes=changes, done_on=t.desk.day(t.body.at), recipients=t.recipients())


def _restricted(t: Told, head: Head) -> l.Letter:
    categories = tuple(sorted({t.category(c) for c in t.body.categories})) or t.categories(t.body.processors)
    day = t.desk.day(t.body.at)
    return l.Restricted(**head, categories=categories, since=day, point=t.body.point or "", recipients=t.recipients())


def _restriction_lifting(t: Told, head: Head) -> l.Letter:
    categories = tuple(sorted({t.category(c) for c in t.body.categories})) or t.categories(t.body.processors)
    return l.RestrictionLifting(
        **head,
        categories=categories,
        lifted_on=t.desk.day(t.body.new_due or t.body.at),
        reason=t.desk.words.both(t.desk.words.label("liftings", code) for code in t.body.because),
        authority=t.authority(),
    )


def _objection_upheld(t: Told, head: Head) -> l.Letter:
    day = t.desk.day(t.body.at)
    return l.ObjectionUpheld(**head, purposes=t.purposes(), stopped_on=day, marketing=t.body.marketing)


def _automated_review(t: Told, head: Head) -> l.Letter:
    return l.AutomatedReview(
        **head,
        decision=t.body.decision or "",
        decided_on=t.desk.day(t.body.at),
        changed=t.body.changed,
        reasons=t.because(),
        authority=t.authority(),
    )


def _consent_withdrawn(t: Told, head: Head) -> l.Letter:
    return l.ConsentWithdrawn(**head, purposes=t.purposes(), withdrawn_on=t.desk.day(t.body.at))


_MAKE: Mapping[str, Callable[[Told, Head], l.Letter]] = {
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
    "restriction_lifting": _restriction_lifting,
    "objection_upheld": _objection_upheld,
    "consent_withdrawn": _consent_withdrawn,
    "automated_review": _automated_review,
}
