"""What happened to a request and bears on its clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.errors import ClockError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Moment = date | datetime
"""An aware instant, or a local day where only that is known."""


class Kind(StrEnum):
    """A status message or an answer never changes a clock and is not listed."""

    ID_REQUESTED = "id_requested"
    ID_RECEIVED = "id_received"
    CLARIFICATION_REQUESTED = "clarification_requested"
    CLARIFICATION_RECEIVED = "clarification_received"
    FEE_REQUESTED = "fee_requested"
    FEE_PAID = "fee_paid"
    EXTENSION_NOTICE = "extension_notice"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was asked, answered or announced.

    `reasons`: why identity was in doubt, what had to be clarified, why more time is needed. A question or notice
    without reasons has no effect on the clock. `by`: months (or days, as the rule counts) of an extension notice.
    """

    kind: Kind
    at: Moment
    reasons: str = ""
    by: int = 0


UNTIMED = frozenset({"received", "aware", "status_message", "response"})
"""What may stand in a history and changes no clock."""

ANSWERS = {
    Kind.ID_REQUESTED: Kind.ID_RECEIVED,
    Kind.CLARIFICATION_REQUESTED: Kind.CLARIFICATION_RECEIVED,
    Kind.FEE_REQUESTED: Kind.FEE_PAID,
}


@dataclass(frozen=True, slots=True)
class Question:
    """The data subject was asked on one day and answered on another (None: not yet)."""

    kind: Kind
    asked: date
    answered: date | None


def local_day(at: Moment, zone: ZoneInfo) -> date:
    """The day that `at` falls on in a zone. Raises ClockError if it is naive."""
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise ClockError("an instant needs an offset from UTC; a naive one could be another day")
    return at.astimezone(zone).date()


def questions(events: tuple[Event, ...], zone: ZoneInfo) -> tuple[Question, ...]:
    """Questions with their answers, in order. Raises ClockError for an answer before its question."""
    found = []
    for asked_kind, answered_kind in ANSWERS.items():
        waiting: date | None = None
        for event in events:
            day = local_day(event.at, zone)
            if event.kind is asked_kind and event.reasons and waiting is None:
                waiting = day
            elif event.kind is answered_kind and waiting is not None:
                if day < waiting:
                    raise ClockError(f"{answered_kind} on {day} lies before {asked_kind} on {waiting}")
                found.append(Question(asked_kind, waiting, day))
                waiting = None
        if waiting is not None:
            found.append(Question(asked_kind, waiting, None))
    return tuple(sorted(found, key=lambda q: q.asked))


def history(listed: object) -> tuple[Event, ...]:
    """Events from JSON: a list of members `type`, `at`, and `reasons`, `months` or `days` where they apply.

    What does not bear on the clock (a status message, an answer) is left out. Raises ClockError for anything else.
    """
    if not isinstance(listed, list):
        raise ClockError("events: a list of what happened, each with type and at")
    found = []
    for number, item in enumerate(listed, start=1):
        try:
            if item["type"] in UNTIMED:
                continue
            text = item["at"]
            at = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
            event = Event(
                Kind(item["type"]), at, str(item.get("reasons") or ""), item.get("months", item.get("days", 0))
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            known = ", ".join([*Kind, *sorted(UNTIMED)])
            raise ClockError(f"event {number}: needs `at` and a `type`, one of {known}") from None
        found.append(event)
    return tuple(found)
