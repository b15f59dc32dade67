"""Periods, thresholds and channels of breach notification, one row per law and date from which it counts.

A row is never edited once breaches were clocked by it. What is only proposed has no date and counts for nobody until
a deployer gives it one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from lethe_law.breach.errors import UnknownRegime

if TYPE_CHECKING:
    from collections.abc import Iterable


class Risk(IntEnum):
    """The three levels that GDPR Art. 33(1) and 34(1) tell apart."""

    UNLIKELY = 0
    RISK = 1
    HIGH = 2


class ReportTo(StrEnum):
    """Where a notification goes."""

    AUTHORITY = "authority"  # its own form or portal, see the register of authorities
    SINGLE_ENTRY_POINT = "single_entry_point"  # proposed: one portal at ENISA


@dataclass(frozen=True, slots=True)
class BreachRule:
    """`hours`: None where the law gives no number. `working_days`: for laws that count them instead of hours.

    `threshold`: the least risk that is notified to the authority. `since`: None for what is only proposed.
    """

    regime: str
    version: str
    articles: str
    hours: int | None
    threshold: Risk
    since: date | None
    channel: ReportTo = ReportTo.AUTHORITY
    working_days: int | None = None
    note: str = ""


_1182 = "Reg. (EEC, Euratom) 1182/71 Art. 3(1), 3(2)(a)"

GDPR = BreachRule("gdpr", "2018-05-25.1", f"GDPR Art. 33(1); {_1182}", 72, Risk.RISK, date(2018, 5, 25))
UK_GDPR = BreachRule("uk-gdpr", "2021-01-01.1", "UK GDPR Art. 33(1)", 72, Risk.RISK, date(2021, 1, 1))
FADP = BreachRule(
    "ch-fadp", "2023-09-01.1", "FADP Art. 24(1)", None, Risk.HIGH, date(2023, 9, 1), note="as quickly as possible"
)
LGPD = BreachRule(
    "lgpd",
    "2024-04-24.1",
    "LGPD Art. 48; Res. CD/ANPD 15/2024 Art. 6, 9",
    None,
    Risk.RISK,
    date(2024, 4, 24),
    working_days=3,
    note="authority and data subjects alike; 6 working days for small-scale controllers",
)
OMNIBUS = BreachRule(
    "gdpr",
    "proposal-2025-11-19",
    "Commission proposal of 19 November 2025 (Digital Omnibus) for GDPR Art. 33(1)",
    96,
    Risk.HIGH,
    None,
    ReportTo.SINGLE_ENTRY_POINT,
    note="proposed, not adopted",
)

RULES: tuple[BreachRule, ...] = (GDPR, UK_GDPR, FADP, LGPD, OMNIBUS)


def breach_rule(regime: str, aware: date, rules: Iterable[BreachRule] = RULES) -> BreachRule:
    """The rule of the day on which the controller became aware: the newest that counts by then.

    `rules`: a deployer's own list, for instance with `in_force(OMNIBUS, day)`. Raises UnknownRegime.
    """
    known = [r for r in rules if r.regime == regime and r.since is not None and r.since <= aware]
    if not known:
        there = sorted({r.regime for r in rules if r.since is not None})
        raise UnknownRegime(f"no breach rules for {regime!r} on {aware}; there are: {', '.join(there)}")
    return max(known, key=lambda r: r.since or date.min)


def in_force(rule: BreachRule, since: date) -> BreachRule:
    """A proposal from the day on which it becomes law."""
    return replace(rule, since=since, version=f"{since}.1", note="")
