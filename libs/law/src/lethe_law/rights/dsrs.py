"""Of a DSR itself: whether it was received, how identity may be checked, what looks excessive, what it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Reached(StrEnum):
    """Where a DSR arrived (EDPB Guidelines 01/2022 §54, 55, 159)."""

    OFFICIAL = "official"  # a channel that the controller opened for this
    GENERAL = "general"  # a general contact of the organisation
    UNRELATED = "unrelated"  # a random person or an address for something else


def received(reached: Reached) -> bool:
    """Whether the clock starts. No form and no reasons are needed (§167)."""
    return reached is not Reached.UNRELATED


class Proof(IntEnum):
    """How identity is checked, from the least to the most that it asks of a person."""

    NONE = 0  # signed in at the controller
    CODE = 1  # to a known address
    MANDATE = 2  # of an agent, on top of the person's own
    DOCUMENT = 3  # a document looked at; noted, never kept (§79)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """`doubt`: why identity is in doubt, in words; empty without any. `sensitive`: what a wrong answer would reveal."""

    signed_in: bool = False
    known_address: bool = False
    agent: bool = False
    doubt: str = ""
    sensitive: bool = False
    right: str = "access"


def most_allowed(found: Circumstances) -> Proof:
    """The most that may be asked (Art. 12(6), 5(1)(c)). A document only for a recorded doubt that a code cannot remove.

    Art. 12(6) covers Art. 15 to 21: for other rights nothing beyond the sign-in or a code is asked.
    """
    if found.signed_in and not found.doubt.strip():
        return Proof.MANDATE if found.agent else Proof.NONE
    covered = found.right not in {"automated_decision", "consent_withdrawal"}
    if found.doubt.strip() and covered and (found.sensitive or not found.known_address):
        return Proof.DOCUMENT
    return Proof.MANDATE if found.agent else Proof.CODE


def proportionate(asked: Proof, found: Circumstances) -> bool:
    return asked <= most_allowed(found)


def may_refuse_unidentified(asked: Proof, found: Circumstances, *, answered: bool) -> bool:
    """Whether not acting is lawful: something proportionate was asked, for a recorded doubt, and not given."""
    return not answered and bool(found.doubt.strip()) and proportionate(asked, found)


class Pattern(StrEnum):
    """What Art. 12(5) may be about. Only a flag: a person decides, and the controller has to demonstrate it."""

    SAME_AGAIN = "same_again"  # before anything could have changed
    WITHDRAWN_FOR_MONEY = "withdrawn_for_money"  # offered to be withdrawn for a benefit (§175 ff.)
    HARASSMENT = "harassment"  # said to serve nothing but disruption
    BURST = "burst"  # many of the same kind at once


@dataclass(frozen=True, slots=True)
class Earlier:
    right: str
    answered_on: date
    changed_since: bool = False
    """Whether the data changed since that answer."""


SOON = timedelta(days=90)
BURST_OF = 5


def patterns(
    right: str,
    on: date,
    earlier: Sequence[Earlier] = (),
    *,
    open_of_the_same: int = 0,
    benefit_asked: bool = False,
    stated_to_disrupt: bool = False,
) -> tuple[Pattern, ...]:
    """Flags, in order. Effort, motive and a yearly interval are never criteria (§185, 188; CJEU C-307/22)."""
    found = []
    if any(e.right == right and not e.changed_since and on - e.answered_on < SOON for e in earlier):
        found.append(Pattern.SAME_AGAIN)
    if benefit_asked:
        found.append(Pattern.WITHDRAWN_FOR_MONEY)
    if stated_to_disrupt:
        found.append(Pattern.HARASSMENT)
    if open_of_the_same >= BURST_OF:
        found.append(Pattern.BURST)
    return tuple(found)


def fee_allowed(*, copies_before: int, confirmed: Sequence[Pattern] = ()) -> bool:
    """The first copy is free whatever it is wanted for (Art. 12(5), 15(3)). `confirmed`: by a person, with reasons."""
    return copies_before > 0 or bool(confirmed)


class Objection(StrEnum):
    STOP_FOR_GOOD = "stop_for_good"  # Art. 21(3): no balancing; a minimal suppression entry remains
    STOP_UNTIL_DECIDED = "stop_until_decided"  # Art. 21(1), 18(1)(d)


def objection(*, direct_marketing: bool) -> Objection:
    return Objection.STOP_FOR_GOOD if direct_marketing else Objection.STOP_UNTIL_DECIDED


def unanswered_infringes(due: datetime, now: datetime, *, answered: bool) -> bool:
    """No reply by the legal date infringes Art. 12(3), whatever the answer would have been."""
    return not answered and now > due
