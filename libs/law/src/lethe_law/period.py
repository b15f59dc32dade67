"""Counting of periods after Regulation (EEC, Euratom) 1182/71. The day of the event is not counted (Art. 3(1))."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lethe_law.calendars import Calendar

MONTHS = 12
MIN_WORKING_DAYS = 2


def add_months(day: date, months: int) -> date:
    """Same number of the day, or the last day of a month that has no such day (Art. 3(2)(c))."""
    years, month = divmod(day.month - 1 + months, MONTHS)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def end_of_months(day: date, months: int, calendar: Calendar) -> date:
    """End of a period in months: only the final date is rolled (Art. 3(4)), never one in between."""
    return calendar.roll(add_months(day, months))


def end_of_days(day: date, days: int, calendar: Calendar) -> date:
    """End of a period in days; one of two days or more holds at least two working days (Art. 3(4), 3(5))."""
    end = calendar.roll(day + timedelta(days=days))
    if not calendar.rolls or days < MIN_WORKING_DAYS:
        return end
    working = sum(calendar.why_not_working(day + timedelta(days=n)) is None for n in range(1, (end - day).days + 1))
    return calendar.working_days_after(end, max(0, MIN_WORKING_DAYS - working))
