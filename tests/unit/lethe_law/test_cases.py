"""Worked cases: dates that regulators, courts and other calculators published, each with its source in the file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lethe_law import CaseError, evaluate_cases
from lethe_law.cases import evaluate

FILE = Path(__file__).parent / "cases" / "deadline_cases.csv"
UNSUPPORTED: dict[str, str] = {}
"""Case → why no rule covers it. A row that is neither here nor computed fails."""

# MoJ adds its pause to the rolled date and uses a calendar with Scottish days; the statute does neither
UNDECIDED = {"UK-M08", "UK-M09"}

with FILE.open(encoding="utf-8") as _file:
    ROWS = list(csv.DictReader(_file))
DECIDING = [row for row in ROWS if row["confidence"] in {"high", "medium"}]


@pytest.mark.parametrize("row", DECIDING, ids=lambda row: row["case_id"])
def test_the_date_is_the_published_one(row: dict[str, str]) -> None:
    result = evaluate(row)
    assert bool(result.unsupported) == (row["case_id"] in UNSUPPORTED), result.unsupported
    if result.unsupported:
        return
    assert str(result.due_legal) == row["expected_due_date"], result.steps
    # where opinions differ, alarms go by the earlier date
    earlier = min(row["expected_due_date"], row["alt_due_date"] or row["expected_due_date"])
    assert str(result.due_strict) == earlier, result.steps


def test_rows_of_low_confidence_are_computed_but_decide_nothing() -> None:
    results = {row["case_id"]: evaluate(row) for row in ROWS if row["confidence"] == "low"}
    assert results
    assert {case for case, result in results.items() if result.unsupported} == set()
    differing = {row["case_id"] for row in ROWS if row["case_id"] in results} & {
        row["case_id"] for row in ROWS if str(evaluate(row).due_legal) != row["expected_due_date"]
    }
    assert differing == UNDECIDED


def test_a_file_gives_a_row_for_a_row_in_order() -> None:
    assert [result.case_id for result in evaluate_cases(FILE)] == [row["case_id"] for row in ROWS]


BASE = {"case_id": "x", "regime": "GDPR", "clock": "art12_3_first", "received": "2026-03-05", "holiday_calendar": "DE"}


@pytest.mark.parametrize(
    "change",
    [
        {"clock": "something_else"},
        {"regime": "PIPL"},
        {"holiday_calendar": "ZZ"},
        {"received": "yesterday"},
        {"received": "2026-03-05T10:00"},  # naive
        {"event_sequence": "not json"},
        {"event_sequence": '[{"type": "moon_phase", "at": "2026-03-06"}]'},
        {"event_sequence": '[{"type": "id_requested"}]'},
        {"regime": "EU-1182/71", "clock": "months:x"},
        {"regime": "CCPA", "clock": "respond_44d", "holiday_calendar": "none-noroll"},
    ],
)
def test_a_row_that_cannot_be_told_says_so_and_gives_no_date(change: dict[str, str]) -> None:
    result = evaluate(BASE | change)
    assert result.unsupported
    assert result.due_legal is None
    assert result.due_strict is None


def test_a_region_is_a_calendar_too() -> None:
    row = BASE | {"received": "2025-12-05T23:30:00Z", "holiday_calendar": "DE-BY"}  # 6 December in Bavaria
    found = evaluate(row)
    assert (str(found.due_legal), str(found.due_strict)) == ("2026-01-07", "2026-01-05")


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CaseError, match="case_id"):
        list(evaluate_cases(tmp_path / "x.csv"))
