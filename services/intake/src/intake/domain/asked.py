"""What a request asks beside its right: which fields each right needs, and whether they can be meant."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from intake.domain.corrections import Scalar, correct
from intake.domain.errors import Fault
from lethe_events.words import RestrictionGround, Right

if TYPE_CHECKING:
    from collections.abc import Mapping

    from intake.domain.described import Described

FORMATS = ("json", "csv", "xml")
"""Structured, commonly used and machine-readable (Art. 20(1))."""


@dataclass(frozen=True, slots=True)
class Asked:
    """As it was sent. `as_text`: every value of a correction came as text, and is read by the type of its field."""

    corrections: Mapping[str, Scalar] = field(default_factory=dict, repr=False)
    completions: Mapping[str, Scalar] = field(default_factory=dict, repr=False)
    contested: bool = False
    categories: tuple[str, ...] = ()
    ground: RestrictionGround | None = None
    direct_marketing: bool = False
    purposes: tuple[str, ...] = ()
    grounds: str | None = field(default=None, repr=False)
    formats: tuple[str, ...] = ()
    decision: str | None = None
    transmit_to: str | None = None
    as_text: bool = False


NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Particulars:
    """The same after every check, without what may be personal data. `places`: what is to be corrected, not to what."""

    purposes: tuple[str, ...] = ()
    direct_marketing: bool = False
    categories: tuple[str, ...] = ()
    ground: str | None = None
    contested: bool = False
    decision: str | None = None
    formats: tuple[str, ...] = ()
    transmit_to: str | None = None
    places: tuple[str, ...] = ()

    def said(self) -> dict[str, object]:
        """What is not left at its default, as JSON values."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items() if v}


PLAIN = Particulars()

_BELONGS: Mapping[str, tuple[Right, ...]] = {
    "corrections": (Right.RECTIFICATION,),
    "completions": (Right.RECTIFICATION,),
    "contested": (Right.RECTIFICATION,),
    "categories": (Right.RECTIFICATION, Right.RESTRICTION),
    "ground": (Right.RESTRICTION,),
    "direct_marketing": (Right.OBJECTION,),
    "purposes": (Right.OBJECTION, Right.CONSENT_WITHDRAWAL),
    "grounds": (Right.OBJECTION,),
    "formats": (Right.PORTABILITY,),
    "transmit_to": (Right.PORTABILITY,),
    "decision": (Right.AUTOMATED_DECISION,),
}
"""Field → the rights with which it has a meaning."""


def check_asked(
    right: Right, asked: Asked, described: Described | None
) -> tuple[Particulars, dict[str, Scalar], list[Fault]]:
    """What is told, what is sealed (corrections by place), and every fault. `described` None: nothing to check by."""
    if asked is NOTHING and right not in _NEEDS:
        return PLAIN, {}, []
    faults = _misplaced(right, asked)
    if right in _NEEDS and (missing := _NEEDS[right](asked)) is not None:
        faults.append(missing)
    corrections: dict[str, Scalar] = {}
    if right is Right.RECTIFICATION:
        corrections, wrong = correct(asked.corrections, asked.completions, described, as_text=asked.as_text)
        faults += wrong
    faults += _unknown(asked, described)
    categories = set(asked.categories)
    if corrections and not categories and described is not None:
        categories.update(described.held_by(corrections))  # whoever holds none of these is not asked
    particulars = Particulars(
        purposes=tuple(sorted(set(asked.purposes))),
        direct_marketing=asked.direct_marketing,
        categories=tuple(sorted(categories)),
        ground=None if asked.ground is None else asked.ground.value,
        contested=asked.contested,
        decision=asked.decision,
        transmit_to=asked.transmit_to,
        formats=tuple(sorted({one.lower() for one in asked.formats})),
        places=tuple(sorted(corrections)),
    )
    return (PLAIN if particulars == PLAIN else particulars), corrections, faults


def _misplaced(right: Right, asked: Asked) -> list[Fault]:
    return [
        Fault(name, f"has a meaning only with right {' or '.join(rights)}", "leave it out")
        for name, rights in _BELONGS.items()
        if getattr(asked, name) and right not in rights
    ]


def _objection(asked: Asked) -> Fault | None:
    if asked.direct_marketing:
        return None  # absolute: needs no grounds (Art. 21(2), (3))
    if not asked.purposes:
        return Fault("purposes", "names nothing objected to", "send purposes with grounds, or direct_marketing: true")
    if not (asked.grounds or "").strip():
        fix = "send what the person says of their situation (Art. 21(1)); it is sealed"
        return Fault("grounds", "is missing", fix)
    return None


def _consent(asked: Asked) -> Fault | None:
    return None if asked.purposes else Fault("purposes", "names no consent", "send the purposes it was given for")


def _rectification(asked: Asked) -> Fault | None:
    if asked.corrections or asked.completions:
        return None
    fix = "send corrections or completions; to have data frozen that the person contests: right restriction"
    return Fault("corrections", "names nothing to correct", fix)


def _restriction(asked: Asked) -> Fault | None:
    fix = f"send one of {', '.join(RestrictionGround)}: Art. 18(1)(a) to (d)"
    return None if asked.ground else Fault("ground", "is missing", fix)


def _decision(asked: Asked) -> Fault | None:
    fix = "send your reference of the decision to review (Art. 22(3))"
    return None if asked.decision else Fault("decision", "is missing", fix)


_NEEDS = {
    Right.OBJECTION: _objection,
    Right.CONSENT_WITHDRAWAL: _consent,
    Right.RECTIFICATION: _rectification,
    Right.RESTRICTION: _restriction,
    Right.AUTOMATED_DECISION: _decision,
}


def _unknown(asked: Asked, described: Described | None) -> list[Fault]:
    faults = [
        Fault(f"formats[{number}]", *_format_fault(one.lower()))
        for number, one in enumerate(asked.formats)
        if one.lower() not in FORMATS
    ]
    if described is None:
        return faults
    fix = f"use one of {', '.join(sorted(described.purposes)) or 'none: the register has no processor for it'}"
    faults += [
        Fault(f"purposes[{number}]", "is no purpose that the register names for this controller", fix)
        for number, purpose in enumerate(asked.purposes)
        if purpose not in described.purposes
    ]
    faults += [
        Fault(f"categories[{number}]", "is no category that the register names for this controller", "see the register")
        for number, category in enumerate(asked.categories)
        if not described.holds(category)
    ]
    return faults


def _format_fault(name: str) -> tuple[str, str]:
    use = f"use {', '.join(FORMATS)}"
    if name == "pdf":
        return "is not machine-readable: no portable copy (Art. 20(1))", f"{use}; right access gives a page to read"
    return "is not a format of portable copies", use
