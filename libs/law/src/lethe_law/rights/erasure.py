"""What an erasure does to each category for each purpose: GDPR Art. 17(1), 17(3), and until when the rest is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.errors import LawError
from lethe_law.grounds import Effect, Ground, ground
from lethe_law.period import add_months

if TYPE_CHECKING:
    from collections.abc import Iterable

METHODS = frozenset({"deleted", "anonymised", "crypto_shredded"})
"""What ends data. Hashing and masking leave personal data behind (EDPB CEF 2025); backups belong to it."""
_YEAR = 12


class RetentionError(LawError):
    """A retention rule that cannot be counted: no period, or a ground that keeps nothing."""


class CountFrom(StrEnum):
    """From when a retention period is counted, once its start event has happened."""

    EVENT = "event"
    END_OF_YEAR = "end_of_year"  # of the (financial) year of the event; ends with the last day of a year


@dataclass(frozen=True, slots=True)
class Retention:
    """`starts_with`: what has to happen (`contract_ended`, `financial_year`). `years`: of the duty. `law`: its name."""

    ground: str
    law: str
    starts_with: str
    years: int
    counted_from: CountFrom = CountFrom.EVENT

    def __post_init__(self) -> None:
        if self.years < 1 or not self.starts_with.strip():
            raise RetentionError("a retention duty has a start event and a period of at least one year")
        found = ground(self.ground)
        if found.effect is not Effect.RETAIN:
            raise RetentionError(f"the ground {self.ground!r} keeps no data")
        if found.needs_law and not self.law.strip():
            raise RetentionError(f"the ground {self.ground!r} names the law that it rests on")


def erase_on(rule: Retention, event: date) -> date:
    """The first day on which the duty no longer keeps the data, whatever else still runs."""
    if rule.counted_from is CountFrom.END_OF_YEAR:
        return date(event.year + rule.years + 1, 1, 1)
    return add_months(event, rule.years * _YEAR) + timedelta(days=1)


class Act(StrEnum):
    ERASE = "erase"
    KEEP_RESTRICTED = "keep_restricted"  # for the ground alone (Art. 18(2), 5(1)(b))
    KEEP = "keep"  # still necessary for its purpose: Art. 17(1) is not met


class Outcome(StrEnum):
    GRANTED = "granted"
    PARTIALLY_GRANTED = "partially_granted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Held:
    """Data of a category for one purpose. `retention`: the duty that keeps it, and when its start event happened."""

    category: str
    purpose: str
    needed: bool = False
    """Still necessary for the purpose it was collected for, on a basis that was not withdrawn."""
    retention: Retention | None = None
    happened: date | None = None
    """None: the start event has not happened yet; the end is not known."""
    claim_of_subject: bool = False
    """The data subject needs it for a legal claim (Art. 18(1)(c))."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`until`: first day without the ground; None: it depends on an event that has not happened."""

    held: Held
    act: Act
    ground: Ground | None
    until: date | None = None


def scope(held: Held, today: date) -> Answer:
    """One category for one purpose; never decided for a person as a whole."""
    rule = held.retention
    if rule is not None:
        until = None if held.happened is None else erase_on(rule, held.happened)
        if until is None or today < until:
            return Answer(held, Act.KEEP_RESTRICTED, ground(rule.ground), until)
        return Answer(held, Act.ERASE, None)  # the duty is over, even if an account is still open
    if held.claim_of_subject:
        return Answer(held, Act.KEEP_RESTRICTED, ground("restriction_requested"))
    if held.needed:
        return Answer(held, Act.KEEP, ground("contract"))
    return Answer(held, Act.ERASE, None)


def outcome(answers: Iterable[Answer]) -> Outcome:
    """Of the whole request. Anything kept has to be refused with reasons and remedies (Art. 12(4))."""
    acts = {answer.act for answer in answers}
    if acts <= {Act.ERASE}:
        return Outcome.GRANTED
    return Outcome.PARTIALLY_GRANTED if Act.ERASE in acts else Outcome.REFUSED
