"""Worked breach clocks and severity scores from CSV files, a row at a time."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lethe_law.breach.clock import count_hours
from lethe_law.breach.rules import breach_rule
from lethe_law.breach.severity import inputs_of, severity
from lethe_law.errors import CaseError, LawError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_REGIME = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class ClockCase:
    """Both instants in the row's zone; `unsupported` says why there are none."""

    case_id: str
    due: datetime | None
    legal_end: datetime | None
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class SeverityCase:
    case_id: str
    se: str
    band: str
    unsupported: str = ""


def clock_cases(path: Path) -> Iterator[ClockCase]:
    """Columns used: `case_id`, `aware_at`, `timezone`, `hours`, and `regime` where hours are empty.

    A row that cannot be told gives a result with `unsupported`; a file without the columns raises CaseError.
    """
    for row in _rows(path, {"case_id", "aware_at"}):
        try:
            yield clock_case(row)
        except (LawError, ValueError, KeyError, TypeError) as error:
            yield ClockCase(row.get("case_id") or "?", None, None, f"{type(error).__name__}: {error}")


def clock_case(row: Mapping[str, str]) -> ClockCase:
    """One row. Raises LawError or ValueError for what cannot be told."""
    aware = datetime.fromisoformat(row["aware_at"])
    name = row.get("timezone") or ""
    zone = ZoneInfo(name) if name else aware.tzinfo
    if aware.tzinfo is None:
        if not name:
            raise CaseError("aware_at has no offset and the row names no timezone")
        aware = aware.replace(tzinfo=ZoneInfo(name))
    due, end = count_hours(aware, ZoneInfo(name or "UTC"), _hours(row, aware))
    return ClockCase(row["case_id"], due.astimezone(zone), end.astimezone(zone))


def _hours(row: Mapping[str, str], aware: datetime) -> int:
    text = (row.get("hours") or "").strip()
    if text:
        return int(text)
    words = _REGIME.sub("-", (row.get("regime") or "gdpr").lower())
    hours = breach_rule("uk-gdpr" if words.startswith("uk") else words.split("-")[0], aware.date()).hours
    if hours is None:
        raise CaseError("this law gives no number of hours")
    return hours


def severity_cases(path: Path) -> Iterator[SeverityCase]:
    """Columns used: `case_id`, `dpc`, `ei` and the four `cb_…`; an empty or absent circumstance counts as 0."""
    for row in _rows(path, {"case_id", "dpc", "ei"}):
        try:
            yield severity_case(row)
        except LawError as error:
            yield SeverityCase(row.get("case_id") or "?", "", "", f"{type(error).__name__}: {error}")


def severity_case(row: Mapping[str, str]) -> SeverityCase:
    """One row. Raises ImpossibleFacts for a value that the method does not have."""
    found = severity(inputs_of(row))
    return SeverityCase(row["case_id"], found.text, found.band.value)


def _rows(path: Path, needed: set[str]) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = needed - set(rows.fieldnames or ())
        if missing:
            raise CaseError(f"{path}: the columns {', '.join(sorted(missing))} are missing from its first line")
        yield from rows
