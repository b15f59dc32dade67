"""A change of a request's clock: what happened, who recorded it, why, and by which rule it counts or does not.

What the law does not allow is refused before anybody relies on it: an extension without reasons, after the first
period, of a refusal, or a second time. A question that comes too late to pause the clock may be asked; the change says
that it moved nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lethe_law.clock import ClockResult, due
from lethe_law.errors import ClockError
from lethe_law.history import ANSWERS, Event, Kind, local_day
from lethe_law.rules import Pause, Rule, first_rule

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class ChangeRefused(ClockError):
    """The law does not allow this change. `code` is stable; the text says what to do instead."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Clocked:
    """A request as its clock sees it. `refusal`: whole or partial, GDPR Art. 12(4): never extended."""

    received_at: datetime
    country: str
    regime: str = "gdpr"
    history: tuple[Event, ...] = ()
    refusal: bool = False
    region: str | None = None

    def result(self) -> ClockResult:
        """Both dates as they are now. Raises ClockError."""
        return due(
            self.received_at,
            country=self.country,
            regime=self.regime,
            events=self.history,
            refusal=self.refusal,
            region=self.region,
        )


@dataclass(frozen=True, slots=True)
class ClockChange:
    """One change, to be kept for ever. `why`: the reasons of the event; `by`: an opaque name."""

    event: Event
    by: str
    why: str
    recorded_at: datetime
    rule: str
    rule_version: str
    before: ClockResult
    after: ClockResult

    @property
    def moved(self) -> bool:
        """Whether either date is another one now."""
        return (self.before.due_date_legal, self.before.due_date_strict) != (
            self.after.due_date_legal,
            self.after.due_date_strict,
        )


def change(clocked: Clocked, event: Event, *, by: str, now: datetime) -> tuple[Clocked, ClockChange]:
    """The clock with one more event, and the record of it. Raises ChangeRefused, or ClockError as `due` does."""
    from zoneinfo import ZoneInfo

    before = clocked.result()
    zone = ZoneInfo(before.zone)
    rule = first_rule(clocked.regime, before.received_day)
    _plausible(event, by, before, zone, now)
    if event.kind is Kind.EXTENSION_NOTICE:
        _extension(clocked, event, before, rule)
    else:
        _question(clocked, event, rule)
    changed = Clocked(
        clocked.received_at,
        clocked.country,
        clocked.regime,
        (*clocked.history, event),
        clocked.refusal,
        clocked.region,
    )
    after = changed.result()
    if event.kind is Kind.EXTENSION_NOTICE and not after.extended:
        raise ChangeRefused(
            "too_late", f"the notice has to go out by {before.due_date_legal}: answer, or refuse with reasons (12(4))"
        )
    return changed, ClockChange(event, by, event.reasons, now, rule.code, rule.version, before, after)


def _plausible(event: Event, by: str, before: ClockResult, zone: ZoneInfo, now: datetime) -> None:
    if now.tzinfo is None:
        raise ChangeRefused("no_zone", "the instant of recording needs an offset from UTC")
    if not by.strip():
        raise ChangeRefused("no_name", "a change of the clock names who made it")
    if local_day(event.at, zone) < before.received_day:
        raise ChangeRefused("before_receipt", "nothing changes the clock of a request before it was received")
    known = isinstance(event.at, datetime)
    if (known and event.at > now) or (not known and local_day(event.at, zone) > local_day(now, zone)):
        raise ChangeRefused("in_the_future", "record what has happened: a notice counts from when it was sent")


def _extension(clocked: Clocked, event: Event, before: ClockResult, rule: Rule) -> None:
    if not rule.further:
        raise ChangeRefused("no_extension", f"{rule.articles} knows no extension")
    if clocked.refusal:
        raise ChangeRefused("refusal_never_extended", "a refusal, whole or partial, is due in the first period (12(4))")
    if not event.reasons.strip():
        raise ChangeRefused("no_reasons", "the notice gives the reasons for the delay (Art. 12(3))")
    if before.extended:
        raise ChangeRefused("extended_already", "there is one extension; its end stands")
    if not 1 <= event.by <= rule.further:
        raise ChangeRefused("too_long", f"an extension is 1 to {rule.further} further {rule.unit.replace('_', ' ')}")


def _question(clocked: Clocked, event: Event, rule: Rule) -> None:
    if rule.pause is Pause.NONE:
        raise ChangeRefused("no_pause", f"{rule.articles}: no question moves this clock")
    if event.kind in ANSWERS:
        if not event.reasons.strip():
            raise ChangeRefused("no_reasons", "say what makes it necessary to ask (Art. 12(6), Recital 63)")
        return
    asked = [kind for kind, answer in ANSWERS.items() if answer is event.kind]
    open_ = sum(e.kind in asked for e in clocked.history) - sum(e.kind is event.kind for e in clocked.history)
    if open_ <= 0:
        raise ChangeRefused("no_question", "nothing of the kind was asked that this could answer")
