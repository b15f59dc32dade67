"""How likely and how grave harm is, from facts that are all known. Rules of thumb drawn from EDPB Guidelines 01/2021.

Three things are weighed one by one (confidentiality, integrity, availability); the gravest decides. Every step is
monotone: a worse fact never lowers the risk, which lets unknown facts be bounded from both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from lethe_law.breach.facts import (
    MALICIOUS,
    SPECIAL,
    BreachFacts,
    Data,
    Exfiltration,
    Harm,
    Identifiability,
    Kind,
    Permanence,
    Recipient,
)
from lethe_law.breach.rules import Risk

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGE = 10_000
"""From so many people on, the same data weighs one grade more."""
GOOD_TIME_HOURS = 24
"""Restored within so many hours counts as in good time, unless somebody was seriously harmed."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason. `fact`: the name of the fact in BreachFacts. `raises`: whether it speaks for more risk."""

    fact: str
    text: str
    raises: bool


class Exposure(IntEnum):
    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Gravity(IntEnum):
    SLIGHT = 1
    MODERATE = 2
    GRAVE = 3


GRAVITY: Mapping[Data, Gravity] = {
    Data.BASIC: Gravity.SLIGHT,
    Data.CONTACT: Gravity.SLIGHT,
    Data.IDENTITY_BASICS: Gravity.MODERATE,
    Data.PROFILE: Gravity.MODERATE,
    Data.LOCATION: Gravity.MODERATE,
    Data.FINANCIAL: Gravity.MODERATE,
    Data.PAYMENT_MEANS: Gravity.GRAVE,
    Data.CREDENTIALS: Gravity.GRAVE,
    Data.IDENTITY_NUMBER: Gravity.GRAVE,
    Data.IDENTITY_DOCUMENT: Gravity.GRAVE,
    Data.COMMUNICATIONS: Gravity.GRAVE,
    Data.PROFESSIONAL_SECRET: Gravity.GRAVE,
    Data.HEALTH: Gravity.GRAVE,
    Data.OTHER_SPECIAL: Gravity.GRAVE,
    Data.CRIMINAL: Gravity.GRAVE,
}

_N, _R, _H = Risk.UNLIKELY, Risk.RISK, Risk.HIGH
DISCLOSED: Mapping[Exposure, Mapping[Gravity, Risk]] = {
    Exposure.NONE: {Gravity.SLIGHT: _N, Gravity.MODERATE: _N, Gravity.GRAVE: _N},
    Exposure.LOW: {Gravity.SLIGHT: _N, Gravity.MODERATE: _N, Gravity.GRAVE: _R},
    Exposure.MEDIUM: {Gravity.SLIGHT: _N, Gravity.MODERATE: _R, Gravity.GRAVE: _H},
    Exposure.HIGH: {Gravity.SLIGHT: _R, Gravity.MODERATE: _H, Gravity.GRAVE: _H},
}


def weigh(facts: BreachFacts) -> tuple[Risk, tuple[Factor, ...]]:
    """The risk and what decided it. Every fact has to be known."""
    found: list[tuple[Risk, list[Factor]]] = []
    if Kind.CONFIDENTIALITY in facts.kinds:
        found.append(_disclosure(facts))
    if Kind.INTEGRITY in facts.kinds:
        found.append(_alteration(facts))
    if Kind.AVAILABILITY in facts.kinds:
        found.append(_loss(facts))
    risk = max(risk for risk, _ in found)
    return risk, tuple(factor for level, factors in found if level is risk for factor in factors)


def _disclosure(facts: BreachFacts) -> tuple[Risk, list[Factor]]:
    exposure, how = _exposure(facts)
    if exposure is Exposure.NONE:
        return Risk.UNLIKELY, how
    gravity, what = _gravity(facts)
    return DISCLOSED[exposure][gravity], how + what


def _exposure(facts: BreachFacts) -> tuple[Exposure, list[Factor]]:
    nobody = _unreadable(facts)
    if nobody is not None:
        return Exposure.NONE, [nobody]
    recipient = facts.recipient or Recipient.NOBODY
    if facts.cause in MALICIOUS:
        return Exposure.HIGH, [Factor("cause", "somebody acted with intent and has the data", True)]
    if recipient is Recipient.HOSTILE:
        return Exposure.HIGH, [Factor("recipient", "the data is with somebody who may use it against people", True)]
    if recipient >= Recipient.MANY:
        return Exposure.HIGH, [Factor("recipient", "nobody can tell or follow up who has the data", True)]
    return _followed_up(recipient, retrieved=bool(facts.retrieved))


def _unreadable(facts: BreachFacts) -> Factor | None:
    """Why nobody can have learnt anything."""
    if facts.encryption_intact and facts.key_safe:
        return Factor("encryption_intact", "the data is unintelligible to whoever has it, and the key is safe", False)
    if facts.identifiability is Identifiability.NONE:
        return Factor("identifiability", "nobody can be identified by the data", False)
    if facts.exfiltration is Exfiltration.NO and (facts.recipient or Recipient.NOBODY) <= Recipient.TRUSTED:
        return Factor("exfiltration", "evidence shows that nobody obtained the data", False)
    return None


def _followed_up(recipient: Recipient, *, retrieved: bool) -> tuple[Exposure, list[Factor]]:
    trusted = Factor("recipient", "nobody but a trusted recipient is known to have it", False)
    back = Factor("retrieved", "it was brought back or deleted, confirmed", False)
    if recipient <= Recipient.TRUSTED:
        return (Exposure.NONE, [trusted, back]) if retrieved else (Exposure.LOW, [trusted])
    if retrieved:
        return Exposure.LOW, [back]
    return Exposure.MEDIUM, [Factor("recipient", "a known recipient has it and has not confirmed its deletion", True)]


def _gravity(facts: BreachFacts) -> tuple[Gravity, list[Factor]]:
    data = facts.data or frozenset()
    grade = max((int(GRAVITY[d]) for d in data), default=int(Gravity.SLIGHT))
    heaviest = sorted(d.value.replace("_", " ") for d in data if GRAVITY[d] == grade)
    named = f"types of data: {', '.join(heaviest)}" + (" (special category)" if data & SPECIAL else "")
    why = [Factor("data", named, grade > Gravity.SLIGHT)]
    if facts.vulnerable:
        grade += 1
        why.append(Factor("vulnerable", "vulnerable people are concerned", True))
    if (facts.subjects or 0) >= LARGE:
        grade += 1
        why.append(Factor("subjects", "a large number of people is concerned", True))
    if facts.identifiability is Identifiability.INDIRECT:
        grade -= 1
        why.append(Factor("identifiability", "people can be identified only with other data", False))
    if facts.permanence is Permanence.TEMPORARY:
        grade -= 1
        why.append(Factor("permanence", "consequences end with the measures taken", False))
    if facts.safety:
        grade = int(Gravity.GRAVE)
        why.append(Factor("safety", "somebody's physical safety is at stake", True))
    return Gravity(min(max(grade, Gravity.SLIGHT), Gravity.GRAVE)), why


def _alteration(facts: BreachFacts) -> tuple[Risk, list[Factor]]:
    harm = facts.harm_of_alteration or Harm.NONE
    if harm is Harm.SERIOUS:
        return Risk.HIGH, [Factor("harm_of_alteration", "wrong data has or will have serious consequences", True)]
    if harm is Harm.INCONVENIENCE or facts.permanence is Permanence.PERMANENT:
        return Risk.RISK, [Factor("harm_of_alteration", "wrong data has consequences for people", True)]
    return Risk.UNLIKELY, [Factor("harm_of_alteration", "alterations without consequences for people", False)]


def _loss(facts: BreachFacts) -> tuple[Risk, list[Factor]]:
    harm = facts.harm_of_loss or Harm.NONE
    if harm is Harm.SERIOUS:
        return Risk.HIGH, [Factor("harm_of_loss", "people's health, safety or livelihood depended on the data", True)]
    if not facts.backup and facts.permanence is Permanence.PERMANENT:
        return Risk.RISK, [Factor("backup", "no backup: the data is lost or has to be collected anew", True)]
    if facts.restore_hours is not None and facts.restore_hours > GOOD_TIME_HOURS:
        text = f"restoring took longer than {GOOD_TIME_HOURS} hours"
        return Risk.RISK, [Factor("restore_hours", text, True)]
    return Risk.UNLIKELY, [Factor("backup", "restored in good time, without harm to people", False)]
