"""One reading of the law applied to one history. Where readings differ, each gives a date (law.md names them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lethe_law.calendars import DAY, Calendar
from lethe_law.history import Event, Kind, Question, local_day, questions
from lethe_law.period import add_months, end_of_days
from lethe_law.rules import Pause, Unit

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from lethe_law.rules import Rule

_RESETS = (Kind.ID_REQUESTED, Kind.FEE_REQUESTED)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the open questions are decided. `why` is shown beside the date when it differs from the legal one."""

    zone: ZoneInfo
    pauses: bool = True
    last_day_counts: bool = True
    """UK Art. 12A: a pause "ending with" the day of the answer includes that day."""
    from_receipt: bool = True
    """An extension is counted from receipt; otherwise from the end of the first month."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a date depends on, but the reading.

    `received_utc`: the day of receipt in UTC. `extend` is False for a clock that no notice moves (a refusal,
    GDPR Art. 12(4)). `national`: the calendar of the country, where `calendar` is that of one of its regions.
    """

    rule: Rule
    calendar: Calendar
    zone: ZoneInfo
    received: date
    received_utc: date
    events: tuple[Event, ...] = ()
    extend: bool = True
    national: Calendar | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`pending`: a question is open that moves the end when it is answered."""

    end: date
    steps: tuple[str, ...]
    extended: bool
    pending: bool


def apply(situation: Situation, reading: Reading) -> Outcome:
    """The end under one reading."""
    rule, events = situation.rule, situation.events
    received = situation.received if reading.zone is situation.zone else situation.received_utc
    asked = questions(events, reading.zone) if events else ()
    start, steps, pending = _start(rule, received, asked)
    paused, note = _paused_days(rule, start, asked, reading)
    if note:
        steps.append(note)
    pending = pending or _is_pending(rule, start, asked, reading)
    base = _later(rule, start, rule.count)
    end, more = _rolled(situation, start, base, _Length(rule.count, paused))
    notice = _notice(rule, events, end, reading) if situation.extend else None
    if notice is None:
        return Outcome(end, (*steps, *more), extended=False, pending=pending)
    count = rule.count + notice.by
    base = _later(rule, start, count) if reading.from_receipt else _later(rule, base, notice.by)
    end, more = _rolled(situation, start, base, _Length(count, paused))
    sent = local_day(notice.at, reading.zone)
    steps.append(f"extended by {notice.by} further {rule.unit} by the notice of {sent}, with reasons, in time")
    return Outcome(end, (*steps, *more), extended=True, pending=pending)


def _start(rule: Rule, received: date, asked: tuple[Question, ...]) -> tuple[date, list[str], bool]:
    steps = [f"day of receipt: {received}"]
    if rule.pause is not Pause.ART_12A:
        return received, steps, False
    start = received
    pending = False
    for question in asked:
        if question.kind not in _RESETS:
            continue
        if question.answered is None:
            pending = True
        elif question.answered > start:
            start = question.answered
            what = "identity was confirmed" if question.kind is Kind.ID_REQUESTED else "the fee was paid"
            steps.append(f"{what} on {start}: the period begins with that day (Art. 12A)")
    return start, steps, pending


def _counts(rule: Rule, start: date, question: Question) -> bool:
    """Whether a question pauses the clock at all, once it is answered."""
    if rule.pause is Pause.ART_12A:
        return question.kind is Kind.CLARIFICATION_REQUESTED
    if rule.pause is Pause.SUSPENDS and question.kind is not Kind.FEE_REQUESTED:
        return question.asked <= start + timedelta(days=rule.ask_within)
    return False


def _is_pending(rule: Rule, start: date, asked: tuple[Question, ...], reading: Reading) -> bool:
    return reading.pauses and any(q.answered is None and _counts(rule, start, q) for q in asked)


def _paused_days(rule: Rule, start: date, asked: tuple[Question, ...], reading: Reading) -> tuple[int, str]:
    if not reading.pauses:
        return 0, ""
    inclusive = rule.pause is Pause.ART_12A and reading.last_day_counts
    days: set[date] = set()
    for question in asked:
        if question.answered is None or not _counts(rule, start, question):
            continue
        length = (question.answered - question.asked).days + inclusive
        days |= {question.asked + timedelta(days=n) for n in range(length)}
    if rule.pause is Pause.ART_12A:
        days = {day for day in days if day >= start}
    if not days:
        return 0, ""
    article = "Art. 12A" if rule.pause is Pause.ART_12A else "EDPB Guidelines 01/2022 §159"
    return len(days), f"{len(days)} days from {min(days)} to {max(days)} do not count ({article})"


def _later(rule: Rule, day: date, count: int) -> date:
    if rule.unit is Unit.MONTHS:
        return add_months(day, count)
    return day + timedelta(days=count)


class _Length(NamedTuple):
    units: int  # as the rule counts
    paused: int  # days that do not count


def _rolled(situation: Situation, start: date, base: date, length: _Length) -> tuple[date, list[str]]:
    rule, calendar = situation.rule, situation.calendar
    unit = rule.unit.replace("_", " ")
    steps = [f"{length.units} {unit if length.units > 1 else unit.removesuffix('s')} later"]
    if rule.unit is Unit.WORKING_DAYS:
        end = calendar.working_days_after(start, length.units)
        return end, [f"{steps[0]}: {end} ({rule.articles})"]
    steps[0] += f": {base} ({rule.articles})"
    if rule.unit is Unit.MONTHS and base.day != start.day:
        steps.append(f"{base:%B} has no day {start.day}: its last day")
    base += timedelta(days=length.paused)
    if length.paused:
        steps.append(f"with {length.paused} days that do not count: {base}")
    if not rule.rolls or not calendar.rolls:
        return base, steps
    by_day = rule.unit is Unit.DAYS and not length.paused
    end = end_of_days(start, length.units, calendar) if by_day else calendar.roll(base)
    if end != base:
        off = ((day, calendar.why_not_working(day)) for day in (base + DAY * n for n in range((end - base).days)))
        why = ", ".join(f"{day} is {reason}" for day, reason in off if reason)
        steps.append(f"{why or f'{base} leaves less than two working days (Art. 3(5))'}: ends on {end}")
    return end, steps


def _notice(rule: Rule, events: tuple[Event, ...], first_end: date, reading: Reading) -> Event | None:
    """The longest valid notice: with reasons, sent within the first period, within what the rule allows."""
    valid = [
        event
        for event in events
        if event.kind is Kind.EXTENSION_NOTICE
        and event.reasons
        and 1 <= event.by <= rule.further
        and local_day(event.at, reading.zone) <= first_end
    ]
    return max(valid, key=lambda event: event.by, default=None)
