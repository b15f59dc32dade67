"""When a request has to be answered: the legal date, and the strict date that alarms go by.

The legal date is what lateness is judged by. Where readings of the law differ, the strict date is the earliest of
them; it is never after the legal one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lethe_law.calendars import NO_ROLL, calendar_of
from lethe_law.errors import ClockError, UnsupportedPlace
from lethe_law.history import Event, Kind, local_day
from lethe_law.places import supported_countries, zone_of
from lethe_law.reading import Outcome, Reading, Situation, apply
from lethe_law.rules import Pause, first_rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lethe_law.calendars import Calendar, Override
    from lethe_law.rules import Rule

YEARS = range(1990, 2101)
"""Years in which calendars are known or can be told."""
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class ClockResult:
    """Both dates and everything that led to them.

    `due_legal`, `due_strict`: the end of the day, 24:00 local, in UTC; an answer sent before that instant is in
    time. `due_date_*`: the same as local days. `pending`: a question to the data subject is open; the legal date
    moves when it is answered.
    """

    due_strict: datetime
    due_legal: datetime
    due_date_strict: date
    due_date_legal: date
    regime: str
    rule: str
    rule_version: str
    articles: str
    country: str
    calendar: str
    zone: str
    received_at: datetime
    received_day: date
    extended: bool
    pending: bool
    steps: tuple[str, ...]
    """The derivation, in sentences that can be printed."""

    def as_dict(self) -> dict[str, str | bool | list[str]]:
        """JSON values, to be stored with the deadline that they explain."""
        found: dict[str, str | bool | list[str]] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime | date):
                found[name] = value.isoformat()
            else:
                found[name] = list(value) if isinstance(value, tuple) else value
        return found


def first_month(received_at: datetime, *, country: str, regime: str = "gdpr") -> ClockResult:
    """The end of the first period for an answer (GDPR Art. 12(3): one month). Takes a few microseconds.

    Raises ClockError for a naive `received_at` or a year outside YEARS, UnsupportedPlace for a country or regime
    without rules.
    """
    return due(received_at, country=country, regime=regime)


def due(
    received_at: datetime,
    *,
    country: str,
    regime: str = "gdpr",
    events: Iterable[Event] = (),
    refusal: bool = False,
    region: str | None = None,
    overrides: Collection[Override] = (),
) -> ClockResult:
    """The end of the period after everything that happened since (`events`, in order of time).

    `refusal`: the clock of GDPR Art. 12(4), which no notice extends. `region`: where in the country the action is to be
    taken (`BY`); its own holidays move the legal date and never the strict one. `overrides`: days that a deployer puts
    right. Raises as `first_month` does, and ClockError for events that contradict each other.
    """
    if country not in supported_countries(regime):
        known = ", ".join(sorted(supported_countries(regime)))
        raise UnsupportedPlace(f"no clock for {country!r} under {regime!r}; there are: {known}")
    zone, calendar = _of_country(country)
    day = local_day(received_at, zone)
    utc_day = received_at.astimezone(UTC).date()
    history = tuple(events)
    if history or refusal or region or overrides:
        national = calendar.overridden(overrides) if overrides else calendar
        if region and calendar.rolls:
            calendar = calendar_of(f"{country}-{region}")
        calendar = calendar.overridden(overrides) if overrides else calendar
        found = _dates(Situation(_rule(regime, day), calendar, zone, day, utc_day, history, not refusal, national))
    else:
        found = _without_events(country, regime, day, utc_day)
    return ClockResult(
        due_strict=found.due_strict,
        due_legal=found.due_legal,
        due_date_strict=found.strict,
        due_date_legal=found.legal.end,
        regime=regime,
        rule=found.rule.code,
        rule_version=found.rule.version,
        articles=found.rule.articles,
        country=country,
        calendar=calendar.source,
        zone=zone.key,
        received_at=received_at,
        received_day=day,
        extended=found.legal.extended,
        pending=found.legal.pending,
        steps=(f"received at {received_at.isoformat()}, in {zone.key}", *found.steps),
    )


@lru_cache
def _of_country(country: str) -> tuple[ZoneInfo, Calendar]:
    zone = ZoneInfo(zone_of(country))
    # laws that name no calendar: their periods are pure arithmetic
    return zone, NO_ROLL if country in {"US-CA", "BR"} else calendar_of(country)


@dataclass(frozen=True, slots=True)
class Dates:
    """The part of a result that requests received on the same day share."""

    rule: Rule
    legal: Outcome
    strict: date
    due_legal: datetime
    due_strict: datetime
    steps: tuple[str, ...]


def _rule(regime: str, day: date) -> Rule:
    if day.year not in YEARS:
        raise ClockError(f"received in {day.year}: calendars are known from {YEARS[0]} to {YEARS[-1]}")
    return first_rule(regime, day)


@lru_cache(maxsize=4096)
def _without_events(country: str, regime: str, day: date, utc_day: date) -> Dates:
    """Requests of one day share their dates."""
    zone, calendar = _of_country(country)
    return _dates(Situation(_rule(regime, day), calendar, zone, day, utc_day))


def _dates(situation: Situation) -> Dates:
    legal, strict, steps = both(situation)
    zone = situation.zone
    return Dates(situation.rule, legal, strict, midnight_after(legal.end, zone), midnight_after(strict, zone), steps)


def both(situation: Situation) -> tuple[Outcome, date, tuple[str, ...]]:
    """The legal reading, the earliest date of all readings, and the derivation of both."""
    legal_reading = Reading(situation.zone)
    legal = apply(situation, legal_reading)
    zone = situation.zone.key
    steps = [*legal.steps, f"legal date: {legal.end}, 24:00 {zone}"]
    strict = legal.end
    national = situation.national
    if national is not None and national.code != situation.calendar.code:
        end = apply(replace(situation, calendar=national), legal_reading).end
        if end < legal.end:
            steps.append(f"without the holidays of the region: {end}")
        situation, strict = replace(situation, calendar=national), min(strict, end)
    for reading in _stricter(situation, legal_reading):
        end = apply(situation, reading).end
        if end < legal.end:
            steps.append(f"{reading.why}: {end}")
        strict = min(strict, end)
    if strict < legal.end:
        steps.append(f"strict date, for alarms: {strict}, 24:00 {zone}")
    return legal, strict, tuple(steps)


def _stricter(situation: Situation, legal: Reading) -> list[Reading]:
    """Every combination of the readings that this history gives rise to, but the legal one."""
    readings = [legal]
    pause = situation.rule.pause
    kinds = {event.kind for event in situation.events}

    def also(change: dict[str, object], why: str) -> None:
        for reading in tuple(readings):
            reasons = f"{reading.why}; {why}" if reading.why else why
            readings.append(replace(reading, **change, why=reasons))  # type: ignore[arg-type]

    if situation.received_utc != situation.received:
        also({"zone": _UTC}, "by the day in UTC")
    if pause is Pause.SUSPENDS and kinds & {Kind.ID_RECEIVED, Kind.CLARIFICATION_RECEIVED}:
        also({"pauses": False}, "if a question does not suspend the clock")
    if pause is Pause.ART_12A and Kind.CLARIFICATION_RECEIVED in kinds:
        also({"last_day_counts": False}, "if the day of the clarification counts again")
    if Kind.EXTENSION_NOTICE in kinds:
        also({"from_receipt": False}, "if an extension is counted from the end of the first period")
    return readings[1:]


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """24:00 of a local day, in UTC."""
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
