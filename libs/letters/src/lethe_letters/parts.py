"""What the law requires each letter to say: the parts, their articles, when they are due, and what they have to show.

A part is required by what the letter is filled with, never by who writes the template. `shows` gives the values that
have to stand in that part, as the language writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lethe_letters import contexts as c

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lethe_letters.words import Words


@dataclass(frozen=True, slots=True)
class Part:
    """`when`: in words, for the catalogue; `due` is the same as a test."""

    id: str
    article: str
    shows: Callable[[Any, Words], Iterable[str]]
    when: str = "always"
    due: Callable[[Any], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of letter."""

    context: type[c.Letter]
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        return self.context.kind

    def required(self, letter: c.Letter) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.due(letter))


def _rights(x: Any, w: Words) -> Iterable[str]:
    return (w.right(code) for code in x.rights)


def _reasons(x: Any, w: Words) -> Iterable[str]:
    for reason in x.reasons:
        yield from (reason.category, w.ground(reason.ground), w.cite(reason.ground))
        if reason.law:
            yield reason.law
        if reason.until:
            yield w.day(reason.until)
        elif reason.until_event:
            yield reason.until_event


def _authority(x: Any, _: Words) -> Iterable[str]:
    return (x.authority.name, x.authority.address or "", x.authority.website)


def _court(_: Any, w: Words) -> Iterable[str]:
    return (w.article("79(1)"),)


def _contact(x: Any, _: Words) -> Iterable[str]:
    return (x.sender.contact_point.name, x.sender.contact_point.email)


def _recipients(x: Any, _: Words) -> Iterable[str]:
    return (*x.recipients,)


def _numbers(x: Any, w: Words) -> Iterable[str]:
    known = (w.number(n) for n in (x.subjects, x.records) if n is not None)
    return (x.nature, x.affected, *x.categories, *known)


def _transfers(x: Any, w: Words) -> Iterable[str]:
    for recipient in x.recipients:
        if recipient.safeguard:
            yield from (recipient.name, recipient.third_country or "", recipient.safeguard, w.article("46"))


def _pending(x: Any, w: Words) -> Iterable[str]:
    return (*x.pending, *((w.day(x.pending_until),) if x.pending_until else ()))


def _told(x: Any, w: Words) -> Iterable[str]:
    for told in x.recipients:
        yield from (told.name, w.day(told.on) if told.on else w.ground(told.ground))


def _authority_of(article: str) -> Part:
    return Part("authority", article, _authority)


RECIPIENTS = Part("recipients", "19", _recipients, "recipients were told", lambda x: bool(x.recipients))
PENDING = Part("pending", "12(3), 19", _pending, "processors have yet to erase", lambda x: bool(x.pending))
REMEDIES = (
    Part("authority", "12(4), 77(1)", _authority),
    Part("court", "12(4), 79(1)", _court),
)
_CONSEQUENCES = Part("consequences", "34(2), 33(3)(c)", lambda x, _: x.consequences)
_MEASURES = Part("measures", "34(2), 33(3)(d)", lambda x, _: x.measures)
_BREACH = (
    Part("nature", "34(2)", lambda x, w: (x.nature, *x.categories, w.day(x.discovered_on))),
    Part("contact", "34(2), 33(3)(b)", _contact),
    _CONSEQUENCES,
    _MEASURES,
)
_ACCESS = (
    Part("purposes", "15(1)(a)", lambda x, w: (s for a in x.activities for s in (a.purpose, w.article(a.basis)))),
    Part("categories", "15(1)(b)", lambda x, _: (s for a in x.activities for s in a.categories)),
    Part("recipients", "15(1)(c)", lambda x, _: (s for r in x.recipients for s in (r.name, r.role))),
    Part("storage", "15(1)(d)", lambda x, _: (a.period for a in x.activities)),
    Part("rights", "15(1)(e)", lambda _, w: (w.article("15(1)(e)"),)),
    _authority_of("15(1)(f)"),
    Part(
        "source",
        "15(1)(g)",
        lambda x, _: x.sources,
        "data was not collected from the person",
        lambda x: bool(x.sources),
    ),
    Part(
        "automated",
        "15(1)(h)",
        lambda x, _: (s for a in x.automated for s in (a.name, a.logic, a.consequences)),
        "there are automated decisions",
        lambda x: bool(x.automated),
    ),
    Part(
        "safeguards",
        "15(2)",
        _transfers,
        "data goes to a third country under safeguards of Art. 46",
        lambda x: any(r.safeguard for r in x.recipients),
    ),
    Part("copy", "15(3)", lambda x, w: (x.copy.url, w.moment(x.copy.until)) if x.copy else (w.article("15(3)"),)),
)

_ALL = (
    Kind(
        c.Acknowledgement,
        (
            Part("receipt", "12(2)", lambda x, w: (*_rights(x, w), w.day(x.received_on))),
            Part("deadline", "12(3)", lambda x, w: (w.day(x.answer_by), w.article("12(3)"))),
        ),
    ),
    Kind(
        c.IdentityCheck,
        (
            Part("doubt", "12(6)", lambda x, w: (*_rights(x, w), x.doubt, w.article("12(6)"))),
            Part("code", "12(6)", lambda x, w: (x.code, w.moment(x.valid_until))),
        ),
    ),
    Kind(
        c.Clarification,
        (Part("questions", "12(2)", lambda x, w: (*_rights(x, w), w.day(x.received_on), *x.questions)),),
    ),
    Kind(
        c.Extension,
        (
            Part(
                "deadline",
                "12(3)",
                lambda x, w: (w.day(x.received_on), w.day(x.first_due), w.day(x.new_due), w.article("12(3)")),
            ),
            Part("reasons", "12(3)", lambda x, _: x.reasons),
        ),
    ),
    Kind(c.AccessAnswer, (Part("confirmation", "15(1)", lambda _, w: (w.article("15(1)"),)), *_ACCESS)),
    Kind(
        c.NothingHeld,
        (Part("result", "12(3), 12(4)", lambda x, w: (*_rights(x, w), w.day(x.searched_on))), *REMEDIES),
    ),
    Kind(
        c.Portability,
        (
            Part("copy", "20(1)", lambda x, w: (x.copy.url, *x.copy.formats, w.moment(x.copy.until))),
            Part(
                "transmission",
                "20(2)",
                lambda x, w: (x.sent.controller, w.day(x.sent.sent_on), x.sent.receipt),
                "data was sent to another controller",
                lambda x: x.sent is not None,
            ),
        ),
    ),
    Kind(
        c.Rectified,
        (
            Part("done", "12(3), 16", lambda x, w: (*x.changes, w.day(x.done_on), w.article("16"))),
            RECIPIENTS,
        ),
    ),
    Kind(
        c.Erased,
        (
            Part(
                "done",
                "12(3), 17(1)",
                lambda x, w: (*x.categories, w.day(x.done_on), w.article("17(1)")),
                "anything is erased by now",
                lambda x: bool(x.categories),
            ),
            PENDING,
            Part(
                "suppression",
                "21(3)",
                lambda _, w: (w.article("21(3)"),),
                "a minimal entry is kept against new contact",
                lambda x: x.suppression,
            ),
            Part(
                "backups",
                "12(1), 17(1)",
                lambda x, w: (w.day(x.backups_until),),
                "backups still hold the data",
                lambda x: x.backups_until is not None,
            ),
            RECIPIENTS,
        ),
    ),
    Kind(
        c.Restricted,
        (
            Part("done", "12(3), 18(1)", lambda x, w: (*x.categories, w.day(x.since), w.article(f"18(1)({x.point})"))),
            Part("effect", "18(2)", lambda _, w: (w.article("18(2)"),)),
            Part("lifting", "18(3)", lambda _, w: (w.article("18(3)"),)),
            RECIPIENTS,
        ),
    ),
    Kind(
        c.RestrictionLifting,
        (
            Part(
                "lifting",
                "18(3)",
                lambda x, w: (*x.categories, w.day(x.lifted_on), x.reason, w.article("18(3)")),
            ),
            *REMEDIES,
        ),
    ),
    Kind(
        c.ObjectionUpheld,
        (
            Part(
                "stopped",
                "12(3), 21(1), 21(3)",
                lambda x, w: (*x.purposes, w.day(x.stopped_on), w.article("21(3)" if x.marketing else "21(1)")),
            ),
            Part(
                "suppression",
                "21(3)",
                lambda x, _: (x.sender.name,),
                "the objection concerns direct marketing",
                lambda x: x.marketing,
            ),
        ),
    ),
    Kind(
        c.ObjectionPending,
        (
            Part("pending", "12(3), 21(1)", lambda x, w: (*x.purposes, w.day(x.decided_by), w.article("21(1)"))),
            Part("restricted", "18(1)(d)", lambda x, w: (w.day(x.restricted_since), w.article("18(1)(d)"))),
        ),
    ),
    Kind(
        c.ConsentWithdrawn,
        (Part("stopped", "7(3)", lambda x, w: (*x.purposes, w.day(x.withdrawn_on), w.article("7(3)"))),),
    ),
    Kind(
        c.AutomatedReview,
        (
            Part("review", "22(3)", lambda x, w: (x.decision, w.day(x.decided_on), w.article("22(3)"))),
            Part("reasons", "12(1), 22(3)", lambda x, _: x.reasons),
            *REMEDIES,
        ),
    ),
    Kind(
        c.PartiallyGranted,
        (
            Part("granted", "12(3)", lambda x, w: (*_rights(x, w), *x.granted)),
            PENDING,
            Part("reasons", "12(4)", _reasons),
            RECIPIENTS,
            *REMEDIES,
        ),
    ),
    Kind(
        c.Refused,
        (
            Part("refusal", "12(4)", lambda x, w: (*_rights(x, w), w.article("12(4)"))),
            Part("reasons", "12(4)", _reasons),
            *REMEDIES,
        ),
    ),
    Kind(c.Withdrawn, (Part("withdrawn", "12(2)", lambda x, w: (*_rights(x, w), w.day(x.withdrawn_on))),)),
    Kind(c.RecipientsTold, (Part("recipients", "19", lambda x, w: (*_rights(x, w), *_told(x, w), w.article("19"))),)),
    Kind(
        c.KeptErased,
        (
            Part(
                "done",
                "12(3), 17(1)",
                lambda x, w: (*x.categories, w.day(x.told_on), w.day(x.erased_on), w.article("17(1)")),
            ),
        ),
    ),
    Kind(c.BreachToSubject, _BREACH),
    Kind(c.BreachPublic, (Part("affected", "34(3)(c)", lambda x, _: (x.sender.name, x.affected)), *_BREACH)),
    Kind(
        c.BreachToController,
        (
            Part(
                "notice",
                "33(2)",
                lambda x, w: (x.controller, w.moment(x.aware_at), w.day(x.discovered_on), w.article("33(2)")),
            ),
            Part("nature", "33(2), 33(3)(a)", _numbers),
            Part("contact", "33(2), 33(3)(b)", _contact),
            _CONSEQUENCES,
            _MEASURES,
        ),
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
"""Every kind of letter by its name, in the order of the life of a request, then of a breach."""
