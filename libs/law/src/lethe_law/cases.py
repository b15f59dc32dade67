"""Worked cases from regulators, courts and other calculators, evaluated with the rules here."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lethe_law.calendars import calendar_of
from lethe_law.clock import both
from lethe_law.errors import CaseError, LawError
from lethe_law.history import UNTIMED, Event, Kind, local_day
from lethe_law.places import EEA, ZONES
from lethe_law.reading import Situation
from lethe_law.rules import OTHER_CLOCKS, Rule, Unit, first_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ZONES = {"CCPA": "America/Los_Angeles", "LGPD": "America/Sao_Paulo", "CH-FADP": "Europe/Zurich"}
_PERIOD = re.compile(r"^(months|days|weeks|years|working_days):(\d+)(-unrolled)?$")
_NAMED = re.compile(r"^(?:respond|access|full|answer|extended)_(\d+)d$")
_1182 = "Reg. (EEC, Euratom) 1182/71 Art. 3"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a row gives: two local days, or why it is not supported."""

    case_id: str
    due_legal: date | None
    due_strict: date | None
    unsupported: str = ""
    steps: tuple[str, ...] = ()


def evaluate_cases(path: Path) -> Iterator[CaseResult]:
    """One result per row, in order.

    Columns used: `case_id`, `regime`, `clock`, `received`, `holiday_calendar`, `event_sequence`. A row that no rule
    covers gives a result with `unsupported`; a file without these columns raises CaseError.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = {"case_id", "regime", "clock", "received", "holiday_calendar"} - set(rows.fieldnames or ())
        if missing:
            raise CaseError(f"{path}: the columns {', '.join(sorted(missing))} are missing from its first line")
        for row in rows:
            yield evaluate(row)


def evaluate(row: Mapping[str, str]) -> CaseResult:
    """One row. Never raises for its content: what cannot be told is `unsupported`."""
    try:
        return _evaluate(row)
    except (LawError, ValueError, KeyError, TypeError) as error:
        return CaseResult(row.get("case_id") or "?", None, None, unsupported=f"{type(error).__name__}: {error}")


def _evaluate(row: Mapping[str, str]) -> CaseResult:
    received = _moment(row["received"])
    zone = _zone(row)
    day = local_day(received, zone)
    utc_day = local_day(received, ZoneInfo("UTC"))
    rule, extend = _rule(row["regime"], row["clock"], day)
    events = tuple(_events(json.loads(row.get("event_sequence") or "[]"), rule))
    calendar, national = calendar_of(row["holiday_calendar"]), None
    country = row["holiday_calendar"].split("-")[0]
    if country in EEA:
        national = calendar_of(country)
    situation = Situation(rule, calendar, zone, day, utc_day, events, extend, national)
    legal, strict, steps = both(situation)
    return CaseResult(row["case_id"], legal.end, strict, steps=steps)


def _zone(row: Mapping[str, str]) -> ZoneInfo:
    code = row["holiday_calendar"]
    return ZoneInfo(ZONES.get(code) or ZONES.get(code.split("-")[0]) or _ZONES.get(row["regime"], "UTC"))


def _moment(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _rule(regime: str, clock: str, day: date) -> tuple[Rule, bool]:
    code = regime.lower()
    if regime.startswith("EU-1182/71"):
        return _period(clock), False
    if clock == "art12_3_first" or clock.startswith("art12_4"):
        return first_rule(code, day), False
    if clock == "art12_3_extended":
        return first_rule(code, day), True
    if (code, clock) in OTHER_CLOCKS:
        return OTHER_CLOCKS[code, clock], False
    named = _NAMED.match(clock)
    if named is None:
        raise CaseError(f"no rule for the clock {clock!r} under {regime}")
    rule = first_rule(code, day)
    if int(named[1]) not in {rule.count, rule.count + rule.further} or rule.unit is not Unit.DAYS:
        raise CaseError(f"{rule.articles} has no period of {named[1]} days")
    return rule, int(named[1]) > rule.count


def _period(clock: str) -> Rule:
    found = _PERIOD.match(clock)
    if found is None:
        raise CaseError(f"no period {clock!r}")
    count = int(found[2])
    unit = {"weeks": Unit.DAYS, "years": Unit.MONTHS}.get(found[1]) or Unit(found[1])
    count *= {"weeks": 7, "years": 12}.get(found[1], 1)
    return Rule(f"eu.1182_71.{clock}", "1971-07-01.1", _1182, unit, count, rolls=found[3] is None)


def _events(listed: list[Mapping[str, object]], rule: Rule) -> Iterator[Event]:
    for item in listed:
        kind = str(item["type"])
        if kind in UNTIMED:
            continue
        # a question counts as founded unless the row says otherwise; a notice has to say so
        founded = item.get("reasons", kind != Kind.EXTENSION_NOTICE)
        by = item.get("months", item.get("days", rule.further))
        yield Event(Kind(kind), _moment(str(item["at"])), reasons="stated" if founded else "", by=int(str(by)))
