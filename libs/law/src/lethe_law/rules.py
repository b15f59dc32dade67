"""The clocks of a request, one row each, with the articles they come from.

A row is never edited once requests were clocked by it: a change of the law is a new row with another `version`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.errors import UnsupportedPlace

if TYPE_CHECKING:
    from collections.abc import Mapping

_1182 = "Reg. (EEC, Euratom) 1182/71 Art. 3"


class Unit(StrEnum):
    """What a period is counted in."""

    MONTHS = "months"
    DAYS = "days"  # all days of the calendar
    WORKING_DAYS = "working_days"


class Pause(StrEnum):
    """What asking the data subject for information does to a clock."""

    NONE = "none"
    SUSPENDS = "suspends"  # EDPB Guidelines 01/2022 §159: for identity and Recital 63 questions asked without delay
    ART_12A = "art_12a"  # UK GDPR Art. 12A: identity and fee reset, clarification pauses


@dataclass(frozen=True, slots=True)
class Rule:
    """One period. `count` units from receipt; at most `further` more by a notice with reasons.

    `rolls`: an end on a day off moves to the next working day. `ask_within`: days from receipt in which a question
    still suspends the clock (no number is given in law; a later question is not "without undue delay").
    """

    code: str
    version: str
    articles: str
    unit: Unit
    count: int
    further: int = 0
    rolls: bool = False
    pause: Pause = Pause.NONE
    ask_within: int = 7


GDPR = Rule(
    "gdpr.art12_3",
    "2018-05-25.1",
    f"GDPR Art. 12(3); {_1182}(2)(c), 3(4)",
    Unit.MONTHS,
    1,
    further=2,
    rolls=True,
    pause=Pause.SUSPENDS,
)
UK_GDPR = Rule(
    "uk-gdpr.art12a",
    "2026-02-05.1",
    "UK GDPR Art. 12(3), 12A (Data (Use and Access) Act 2025 s.76); ICO guide to subject access",
    Unit.MONTHS,
    1,
    further=2,
    rolls=True,
    pause=Pause.ART_12A,
)
UK_GDPR_BEFORE_2026 = Rule(
    "uk-gdpr.art12_3",
    "2021-01-01.1",
    "UK GDPR Art. 12(3); ICO guide to subject access",
    Unit.MONTHS,
    1,
    further=2,
    rolls=True,
    pause=Pause.ART_12A,  # not yet statute, but the guidance of the time counted in the same way
)
FADP = Rule("ch-fadp.art25_7", "2023-09-01.1", "FADP Art. 25(7); DPO Art. 18", Unit.DAYS, 30)
CCPA = Rule("ccpa.respond", "2023-03-29.1", "11 CCR §7021(b)", Unit.DAYS, 45, further=45)
LGPD = Rule("lgpd.art19_ii", "2020-09-18.1", "LGPD Art. 19(II)", Unit.DAYS, 15)

FIRST: Mapping[str, tuple[tuple[date, Rule], ...]] = {
    "gdpr": ((date.min, GDPR),),
    "uk-gdpr": ((date(2026, 2, 5), UK_GDPR), (date.min, UK_GDPR_BEFORE_2026)),
    "ch-fadp": ((date.min, FADP),),
    "ccpa": ((date.min, CCPA),),
    "lgpd": ((date.min, LGPD),),
}
"""Regime → the period in which a request has to be answered, newest first: received from this day on, this rule."""

OTHER_CLOCKS: Mapping[tuple[str, str], Rule] = {
    ("ccpa", "confirm_10bd"): Rule("ccpa.confirm", "2023-03-29.1", "11 CCR §7021(a)", Unit.WORKING_DAYS, 10),
    ("ccpa", "optout_15bd"): Rule("ccpa.opt_out", "2023-03-29.1", "11 CCR §7026(f)", Unit.WORKING_DAYS, 15),
    ("lgpd", "anpd_breach_3bd"): Rule(
        "lgpd.breach", "2024-04-24.1", "Res. CD/ANPD 15/2024 Art. 6, 9", Unit.WORKING_DAYS, 3
    ),
    ("lgpd", "anpd_breach_6bd"): Rule(
        "lgpd.breach_small_scale", "2024-04-24.1", "Res. CD/ANPD 15/2024 Art. 6, 9", Unit.WORKING_DAYS, 6
    ),
    ("lgpd", "anpd_supplement_20bd"): Rule(
        "lgpd.breach_supplement", "2024-04-24.1", "Res. CD/ANPD 15/2024 Art. 6", Unit.WORKING_DAYS, 20
    ),
}
"""(regime, clock) → periods beside the main one, by the names that the worked cases use."""


def first_rule(regime: str, received: date) -> Rule:
    """The rule for answering a request received on that day. Raises UnsupportedPlace for a regime without rules."""
    if regime not in FIRST:
        raise UnsupportedPlace(f"no rules for the regime {regime!r}; there are: {', '.join(FIRST)}")
    return next(rule for start, rule in FIRST[regime] if received >= start)
