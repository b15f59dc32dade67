"""What a case already answers of the notification's fields. What it does not know stays a gap, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_law.breach.exemptions import OPTION, Exemption
from lethe_law.breach.facts import BreachFacts, Cause, Data, Exfiltration, Harm, Kind
from lethe_law.breach.notification import COMPLETE, FOLLOW_UP, INCOMPLETE, NEW, STATUS, gaps
from lethe_law.breach.rules import Risk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from lethe_law.breach.authorities import Told
    from lethe_law.breach.notification import Around
    from lethe_law.breach.template import Value


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A case as far as it bears on the form. `stated`: what people wrote, by field; it wins over what is derived.

    `subjects_told_at` and `exemption` exclude each other. `subjects_exact`: the number is counted, not estimated.
    `earlier_id`: what the authority called the notification before; given for a follow-up.
    """

    reference: str
    aware_at: datetime
    facts: BreachFacts
    in_eea: bool
    stated: Mapping[int, Value]
    risk: Risk | None = None
    subjects_exact: bool = False
    records: int | None = None
    records_exact: bool = False
    told: tuple[Told, ...] = ()
    cross_border: bool | None = None
    subjects_by_country: tuple[tuple[str, int], ...] = ()
    subjects_told_at: datetime | None = None
    exemption: Exemption | None = None
    reasons_for_delay: str = ""
    earlier_id: str | None = None
    follow_up: bool = False


_KINDS = {Kind.CONFIDENTIALITY: "a", Kind.INTEGRITY: "b", Kind.AVAILABILITY: "c"}
_CAUSES = {
    Cause.INTERNAL_ERROR: "a",
    Cause.INTERNAL_MALICIOUS: "b",
    Cause.EXTERNAL_ERROR: "c",
    Cause.EXTERNAL_MALICIOUS: "d",
}
_EXFILTRATED = {Exfiltration.YES: "a", Exfiltration.LIKELY: "b", Exfiltration.NO: "c"}
_DATA = {
    Data.BASIC: "a",
    Data.CONTACT: "b",
    Data.IDENTITY_BASICS: "a",
    Data.PROFILE: "r",
    Data.LOCATION: "o",
    Data.FINANCIAL: "l",
    Data.PAYMENT_MEANS: "q",
    Data.CREDENTIALS: "s",
    Data.IDENTITY_NUMBER: "n",
    Data.IDENTITY_DOCUMENT: "p",
    Data.HEALTH: "k",
    Data.CRIMINAL: "d",
    Data.COMMUNICATIONS: "u",
    Data.PROFESSIONAL_SECRET: "u",
}
"""Other special categories have several options in the form: a person chooses."""
_RISK = {Risk.HIGH: "a", Risk.RISK: "b", Risk.UNLIKELY: "c"}


def fill(case: KnownCase, around: Around) -> dict[int, Value]:
    """Field → value, in order of the form. Complete if nothing required is missing, otherwise incomplete."""
    found: dict[int, Value] = {
        3: FOLLOW_UP if case.follow_up else NEW,
        7: case.reference,
        48: case.aware_at.isoformat(),
        **_what(case.facts),
        **_how_many(case),
        **_where(case),
        **_decided(case),
    }
    if case.earlier_id is not None:
        found[6] = case.earlier_id
    if case.reasons_for_delay:
        found[49] = case.reasons_for_delay
    found.update(case.stated)
    if STATUS not in case.stated:
        found[STATUS] = COMPLETE
        if gaps(found, around):
            found[STATUS] = INCOMPLETE
    return dict(sorted(found.items()))


def _what(facts: BreachFacts) -> dict[int, Value]:
    found: dict[int, Value] = {55: tuple(_KINDS[kind] for kind in Kind if kind in facts.kinds)}
    if facts.cause is not None:
        found[61] = _CAUSES[facts.cause]
    if Kind.CONFIDENTIALITY in facts.kinds:
        if facts.exfiltration is not None:
            found[56] = _EXFILTRATED[facts.exfiltration]
        if facts.encryption_intact is not None:
            subverted = "b" if facts.key_safe is not True else "a"
            found[57] = subverted if facts.encryption_intact else "c"
    if Kind.INTEGRITY in facts.kinds and facts.harm_of_alteration is Harm.NONE:
        found[58] = "a"
    if Kind.AVAILABILITY in facts.kinds and facts.restore_hours is not None:
        found[59] = "a"
    if facts.data is not None and all(d in _DATA for d in facts.data):
        found[70] = tuple(sorted({_DATA[d] for d in facts.data}))
    return found


def _how_many(case: KnownCase) -> dict[int, Value]:
    found: dict[int, Value] = {}
    for kind, number, count, exact in (
        (67, 68, case.facts.subjects, case.subjects_exact),
        (72, 73, case.records, case.records_exact),
    ):
        if count is not None:
            found[kind] = "a" if exact else "b"
            found[number] = count
    return found


def _where(case: KnownCase) -> dict[int, Value]:
    countries = tuple(code for code, _ in case.subjects_by_country)
    codes = tuple(told.authority.code for told in case.told)
    if not case.in_eea:
        found: dict[int, Value] = {120: "a"}
        fields = ((121, countries), (122, case.subjects_by_country), (123, codes))
    elif case.cross_border is None:
        return {}
    elif not case.cross_border:
        return {113: "b"}
    else:
        found = {113: "a"}
        fields = ((116, countries), (117, case.subjects_by_country), (118, codes))
        lead = next((t.authority.name for t in case.told if t.role == "lead"), None)
        if lead is not None:
            found[114] = lead
    return found | {number: value for number, value in fields if value}


def _decided(case: KnownCase) -> dict[int, Value]:
    found: dict[int, Value] = {}
    if case.risk is not None:
        found[89] = _RISK[case.risk]
    if case.subjects_told_at is not None:
        found |= {97: "a", 98: case.subjects_told_at.isoformat()}
    elif case.exemption is not None:
        found |= {97: "e", 100: OPTION[case.exemption]}
    elif case.risk is not None and case.risk is not Risk.HIGH:
        found[97] = "d"
    return found
