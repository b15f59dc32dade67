"""Public holidays, of the Member State where the action is to be taken (Reg. 1182/71 Art. 2(1)).

The national lists come from the `holidays` library; what it lacks or has wrong is put right by a dated override that
names its source. A region's list (`DE-BY`) holds the national days and its own. Whether days of a region count where
the action is to be taken there is read in two ways, so the clock keeps both dates: the legal one by the region's list
where one was named, the strict one by the national list.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import holidays

from lethe_law.errors import ClockError, UnsupportedPlace
from lethe_law.places import EEA, UK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

DAY = timedelta(days=1)
SATURDAY = 5
_WEEKEND = {5: "a Saturday", 6: "a Sunday"}
_SUBDIVISIONS = {"GB-EAW": ("GB", "ENG"), "GB-SCT": ("GB", "SCT"), "GB-NIR": ("GB", "NIR")}


@dataclass(frozen=True, slots=True)
class Override:
    """A day that is a holiday (`name`) or is none (None), against the library. `source`: an official text."""

    day: date
    name: str | None
    source: str


OVERRIDES: Mapping[str, tuple[Override, ...]] = {}
"""Calendar → days put right. Empty while the pinned library agrees with every official list that was compared."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days are all days but public holidays, Sundays and Saturdays (Reg. 1182/71 Art. 2(2)).

    `rolls` is False for pure calendar arithmetic, where no end is ever moved.
    """

    code: str
    source: str
    holidays_of: Callable[[int], Mapping[date, str]] = field(repr=False, compare=False)
    rolls: bool = True

    def why_not_working(self, day: date) -> str | None:
        """`a Saturday`, or the holiday's name; None for a working day."""
        weekend = _WEEKEND.get(day.weekday())
        return weekend if weekend is not None else self.holidays_of(day.year).get(day)

    def roll(self, day: date) -> date:
        """The day itself, or the next working day (Art. 3(4))."""
        while self.rolls and (day.weekday() >= SATURDAY or day in self.holidays_of(day.year)):
            day += DAY
        return day

    def working_days_after(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`."""
        while count:
            day += DAY
            count -= self.why_not_working(day) is None
        return day

    def with_holiday(self, day: date, name: str) -> Calendar:
        """The same calendar with one more holiday."""

        def more(year: int) -> Mapping[date, str]:
            return {**self.holidays_of(year), day: name} if year == day.year else self.holidays_of(year)

        return Calendar(f"{self.code}+{day}", self.source, more, self.rolls)

    def overridden(self, overrides: Collection[Override]) -> Calendar:
        """The same calendar with days put right by a deployer; each names its source."""

        def right(year: int) -> Mapping[date, str]:
            return put_right(self.holidays_of(year), overrides, year)

        names = "; ".join(f"{o.day}: {o.source}" for o in overrides)
        return Calendar(self.code, f"{self.source}; {names}" if names else self.source, right, self.rolls)


def put_right(found: Mapping[date, str], overrides: Collection[Override], year: int) -> Mapping[date, str]:
    """Holidays of a year with overrides applied in order."""
    right = dict(found)
    for override in overrides:
        if override.day.year != year:
            continue
        if override.name is None:
            right.pop(override.day, None)
        else:
            right[override.day] = override.name
    return right


def _no_holidays(_: int) -> Mapping[date, str]:
    return {}


WEEKENDS_ONLY = Calendar("none", "weekends, no holidays", _no_holidays)
NO_ROLL = Calendar("none-noroll", "no calendar: no end is moved", _no_holidays, rolls=False)


@cache
def calendar_of(code: str) -> Calendar:
    """The calendar of a country or region, or `none`, or `none-noroll`. Raises UnsupportedPlace.

    Codes: `DE`, `GB-SCT`; ISO 3166-2 for regions (`DE-BY`, `AT-9`, `ES-CT`).
    """
    if code == WEEKENDS_ONLY.code:
        return WEEKENDS_ONLY
    if code == NO_ROLL.code:
        return NO_ROLL
    country, subdivision = _place(code)
    overrides = (*OVERRIDES.get(country, ()), *(OVERRIDES.get(code, ()) if code != country else ()))
    kind = "regional and national" if subdivision and code not in UK else "national"
    source = f"{kind} public holidays of {code}, python-holidays {version('holidays')}"
    if overrides:
        source += "; " + "; ".join(f"{o.day}: {o.source}" for o in overrides)

    @cache
    def of_year(year: int) -> Mapping[date, str]:
        listed = holidays.country_holidays(country, subdivision, years=year, language=_english(country))
        found = {day: listed.get(day, "a public holiday") for day in listed if day.year == year}
        return put_right(found, overrides, year)

    return Calendar(code, source, of_year)


def _place(code: str) -> tuple[str, str | None]:
    if code in _SUBDIVISIONS:
        return _SUBDIVISIONS[code]
    country, _, region = code.partition("-")
    if country not in EEA and code not in UK and country != "CH":
        known = ", ".join(sorted({*EEA, *UK, "CH"}))
        raise UnsupportedPlace(f"no calendar {code!r}; there are: {known}, regions (DE-BY), none, none-noroll")
    if not region:
        return country, None
    regions = regions_of(country)
    if region not in regions:
        raise UnsupportedPlace(f"no calendar {code!r}; regions of {country} are: {', '.join(regions) or 'none known'}")
    return country, region


@cache
def regions_of(country: str) -> tuple[str, ...]:
    """Regions of a country with a calendar of their own, in order; empty where the library knows none."""
    return tuple(sorted(holidays.country_holidays(country).subdivisions))


def read_overrides(path: Path) -> tuple[Override, ...]:
    """A deployer's file: columns `day`, `name` (empty: a working day after all), `source`. Raises ClockError."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if {"day", "name", "source"} - set(rows.fieldnames or ()):
            raise ClockError(f"{path}: the first line names the columns day,name,source")
        found = []
        for number, row in enumerate(rows, start=2):
            if not (row["source"] or "").strip():
                raise ClockError(f"{path}, line {number}: a day that is put right names its source")
            try:
                found.append(Override(date.fromisoformat(row["day"]), row["name"].strip() or None, row["source"]))
            except ValueError:
                raise ClockError(f"{path}, line {number}: day is written 2026-12-24") from None
    return tuple(found)


def load_calendars(year: int, codes: Collection[str]) -> None:
    """Read the lists of a year and the next now instead of at the first deadline: the library takes half a second."""
    for code in codes:
        calendar = calendar_of(code)
        calendar.holidays_of(year)
        calendar.holidays_of(year + 1)


def _english(country: str) -> str | None:
    """Names in English where the library has them, whatever the locale of the machine; they are shown to people."""
    languages = holidays.country_holidays(country).supported_languages
    return next((language for language in ("en_US", "en_GB") if language in languages), None)
