"""Duties of other laws, as dated reminders. Lethe reminds of them and never claims to have fulfilled them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_law.breach.errors import ImpossibleFacts
from lethe_law.period import add_months

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Since(StrEnum):
    """What a period is counted from."""

    AWARE = "aware"
    CLASSIFIED = "classified"  # DORA: classified as major
    NOTIFIED = "notified"  # the notification under the same law was made


@dataclass(frozen=True, slots=True)
class Reminder:
    """`hours` or `months` after `since`. `in_force`: from this day of awareness on."""

    law: str
    what: str
    article: str
    since: Since
    in_force: date
    hours: int | None = None
    months: int | None = None


_NIS2, _DORA = date(2024, 10, 18), date(2025, 1, 17)
_ART_23 = "Directive (EU) 2022/2555 Art. 23(4)"
_DORA_TIMES = "Regulation (EU) 2022/2554 Art. 19(4); Delegated Regulation (EU) 2025/301 Art. 5"

REMINDERS: tuple[Reminder, ...] = (
    Reminder("NIS2", "early warning", f"{_ART_23}(a)", Since.AWARE, _NIS2, hours=24),
    Reminder("NIS2", "incident notification", f"{_ART_23}(b)", Since.AWARE, _NIS2, hours=72),
    Reminder("NIS2", "final report", f"{_ART_23}(d)", Since.NOTIFIED, _NIS2, months=1),
    Reminder("DORA", "initial notification", _DORA_TIMES, Since.CLASSIFIED, _DORA, hours=4),
    Reminder("DORA", "initial notification, at the latest", _DORA_TIMES, Since.AWARE, _DORA, hours=24),
    Reminder("DORA", "intermediate report", _DORA_TIMES, Since.NOTIFIED, _DORA, hours=72),
    Reminder("DORA", "final report", _DORA_TIMES, Since.NOTIFIED, _DORA, months=1),
)
"""Defaults; national law may differ, and a deployer's own list takes their place."""


@dataclass(frozen=True, slots=True)
class Due:
    reminder: Reminder
    at: datetime


def reminders_due(
    laws: Iterable[str], happened: Mapping[Since, datetime], reminders: Iterable[Reminder] = REMINDERS
) -> tuple[Due, ...]:
    """Reminders of the laws that a controller is under, in order of time.

    A reminder whose start has not happened yet is left out. Raises ImpossibleFacts for a naive instant or when
    awareness is not given.
    """
    if Since.AWARE not in happened:
        raise ImpossibleFacts("aware: when the entity became aware is needed")
    if any(instant.tzinfo is None for instant in happened.values()):
        raise ImpossibleFacts("an instant needs an offset from UTC")
    wanted = set(laws)
    day = happened[Since.AWARE].date()
    found = [
        Due(r, _after(happened[r.since], r))
        for r in reminders
        if r.law in wanted and r.in_force <= day and r.since in happened
    ]
    return tuple(sorted(found, key=lambda due: due.at))


def _after(start: datetime, reminder: Reminder) -> datetime:
    if reminder.months is not None:
        return datetime.combine(add_months(start.date(), reminder.months), start.timetz())
    return start + timedelta(hours=reminder.hours or 0)
