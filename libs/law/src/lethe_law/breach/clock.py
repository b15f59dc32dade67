"""By when a breach has to be notified: two instants.

The operational target is awareness plus exactly so many hours, computed in UTC. The legal end leaves the hour of the
event out (Regulation 1182/71 Art. 3(1)) and lies up to one hour later. Hours run through weekends and holidays: no
end is ever moved to a working day (Art. 3(4) speaks of periods other than hours; authorities reject Art. 3(5)).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lethe_law.breach.errors import ImpossibleFacts
from lethe_law.breach.rules import RULES, BreachRule, breach_rule
from lethe_law.calendars import NO_ROLL, calendar_of
from lethe_law.clock import midnight_after
from lethe_law.escalation import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR = timedelta(hours=1)
MAX_HOURS = 24 * 366


@dataclass(frozen=True, slots=True)
class BreachClock:
    """All instants in UTC. `due` and `legal_end` are None where the law gives no number of hours."""

    aware_at: datetime
    zone: str
    hours: int | None
    due: datetime | None
    legal_end: datetime | None
    regime: str
    rule_version: str
    articles: str
    steps: tuple[str, ...]
    """The derivation, in sentences that can be printed."""

    @property
    def span(self) -> Span | None:
        """For the ladder: from awareness to the operational target."""
        return None if self.due is None else Span(self.aware_at, self.due)

    def late(self, filed_at: datetime) -> bool:
        """Judged by the legal end. Reasons for the delay are then part of the notification (GDPR Art. 33(1))."""
        return self.legal_end is not None and filed_at > self.legal_end

    def reasons_needed(self, filed_at: datetime) -> bool:
        """Already after the operational target: an hour that opinions differ on is explained rather than argued."""
        return self.due is not None and filed_at > self.due


def count_hours(aware_at: datetime, zone: ZoneInfo, hours: int) -> tuple[datetime, datetime]:
    """(operational target, legal end), in UTC. Raises ImpossibleFacts for a naive instant or an impossible count."""
    if aware_at.tzinfo is None:
        raise ImpossibleFacts("aware_at: an instant needs an offset from UTC")
    if not 0 < hours <= MAX_HOURS:
        raise ImpossibleFacts(f"hours: a whole number from 1 to {MAX_HOURS}")
    local = aware_at.astimezone(zone)
    since_hour = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    start = aware_at.astimezone(UTC) - since_hour + HOUR
    return aware_at.astimezone(UTC) + timedelta(hours=hours), start + timedelta(hours=hours)


def breach_clock(
    aware_at: datetime,
    *,
    zone: str,
    regime: str = "gdpr",
    country: str | None = None,
    rules: Iterable[BreachRule] = RULES,
) -> BreachClock:
    """The clock of one controller, from the instant at which it became aware.

    `zone`: IANA name, of the controller's establishment; it only decides where full hours begin. `country`: whose
    calendar counts for laws in working days. Raises BreachError.
    """
    if aware_at.tzinfo is None:
        raise ImpossibleFacts("aware_at: an instant needs an offset from UTC")
    where = ZoneInfo(zone)
    local = aware_at.astimezone(where)
    rule = breach_rule(regime, local.date(), rules)
    steps = [f"aware at {aware_at.isoformat()}, in {zone} {local.isoformat()}"]
    due, end = _ends(aware_at, where, rule, country, steps)
    return BreachClock(
        aware_at.astimezone(UTC),
        zone,
        rule.hours,
        due,
        end,
        regime,
        rule.version,
        rule.articles,
        (*steps, f"rule: {rule.articles}, version {rule.version}"),
    )


def _ends(
    aware_at: datetime, where: ZoneInfo, rule: BreachRule, country: str | None, steps: list[str]
) -> tuple[datetime | None, datetime | None]:
    if rule.working_days is not None:
        calendar = NO_ROLL if country in {None, "BR"} else calendar_of(country or "")
        day = calendar.working_days_after(aware_at.astimezone(where).date(), rule.working_days)
        steps.append(f"{rule.working_days} working days later: {day}, 24:00 {where.key}")
        return midnight_after(day, where), midnight_after(day, where)
    if rule.hours is None:
        steps.append(f"no number of hours in this law: {rule.note}")
        return None, None
    due, end = count_hours(aware_at, where, rule.hours)
    steps += [
        f"operational target, exactly {rule.hours} hours later: {due.isoformat()}",
        f"the hour of the event is not counted: the period starts at {(end - HOUR * rule.hours).isoformat()}",
        f"legal end, {rule.hours} full hours later: {end.isoformat()}",
        "weekends and holidays count; an end in hours is never moved",
    ]
    return due, end
