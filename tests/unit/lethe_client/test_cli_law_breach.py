"""`lethe law breach-clock`, `severity` and `assess`, and what happened since a request in `lethe law due`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from lethe_client.cli import run

CASES = Path(__file__).parents[1] / "lethe_law" / "cases"


def rows(name: str) -> list[dict[str, str]]:
    with (CASES / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_file_of_breach_clocks_gives_both_instants_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["law", "breach-clock", "--cases", str(CASES / "breach_clock_cases.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "case_id,operational_due_exact,legal_end"
    expected = [
        f"{r['case_id']},{r['operational_due_exact']},{r['legal_end_1182']}" for r in rows("breach_clock_cases.csv")
    ]
    assert lines[1:] == expected


def test_a_file_of_severities_gives_score_and_band_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["law", "severity", "--cases", str(CASES / "enisa_cases.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "case_id,se,band"
    assert lines[1:] == [f"{r['case_id']},{r['se']},{r['band']}" for r in rows("enisa_cases.csv")]


def test_one_breach_is_clocked_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["law", "breach-clock", "--aware", "2026-03-27T12:00:00+01:00", "--country", "DE", "--explain"]) == 0
    out = capsys.readouterr().out
    assert "2026-03-30T11:00:00+00:00" in out
    assert "1182/71" in out
    assert run(["law", "breach-clock", "--aware", "2026-03-27T12:00:00+01:00", "--country", "CH"]) == 0
    assert "no number of hours" in capsys.readouterr().err


def test_one_severity_is_scored(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["law", "severity", "--dpc", "3", "--ei", "0.75", "--confidentiality", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"se": "2.75", "band": "Medium", "method": "ENISA 2013 v1.0"}


def test_a_proposal_names_what_decided_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["law", "assess", "--facts", str(CASES / "breach_facts" / "v.json")]) == 0
    out = capsys.readouterr().out
    assert "notify_authority  yes" in out
    assert "notify_subjects   conditional" in out
    assert "depends on        subjects" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["breach-clock"],
        ["breach-clock", "--aware", "soon"],
        ["breach-clock", "--aware", "2026-01-01T00:00:00"],
        ["breach-clock", "--aware", "2026-01-01T00:00:00Z", "--country", "ZZ"],
        ["breach-clock", "--aware", "2026-01-01T00:00:00Z", "--regime", "ccpa"],
        ["breach-clock", "--cases", "absent.csv"],
        ["severity"],
        ["severity", "--dpc", "5", "--ei", "1"],
        ["severity", "--dpc", "x", "--ei", "1"],
        ["severity", "--cases", "absent.csv"],
        ["assess", "--facts", "absent.json"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["law", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_row_without_an_answer_is_named_and_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("case_id,dpc,ei\na,2,1\nb,9,1\n")
    assert run(["law", "severity", "--cases", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["case_id,se,band", "a,2.0,Medium", "b,,"]
    assert "unsupported case b" in captured.err


DUE = ["law", "due", "--received", "2025-12-06T12:00:00+01:00", "--country", "DE"]


def test_the_whole_derivation_is_printed_with_its_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = tmp_path / "events.json"
    happened = [
        {"type": "status_message", "at": "2025-12-07"},
        {"type": "extension_notice", "at": "2025-12-20T10:00:00Z", "reasons": "three archives", "months": 2},
    ]
    events.write_text(json.dumps(happened))
    days = tmp_path / "days.csv"
    days.write_text("day,name,source\n2026-03-06,Day of the Archive,Gazette 3\n")
    more = ["--region", "by", "--events", str(events), "--holidays", str(days), "--explain"]
    assert run([*DUE, *more]) == 0
    out = capsys.readouterr().out
    for part in (
        "due_legal   2026-03-09",
        "DE-BY",
        "three archives",
        "gdpr.art12_3, version 2018-05-25.1",
        "Art. 12(3)",
        "Gazette 3",
        "Day of the Archive",
        "extended by 2 further months",
        "extended\n",
    ):
        assert part in out, part
    assert run([*DUE, *more, "--refusal"]) == 0
    assert "due_legal   2026-01-07" in capsys.readouterr().out  # not extended; Epiphany in Bavaria


@pytest.mark.parametrize(
    ("option", "content"),
    [
        ("--events", "{}"),
        ("--events", "not json"),
        ("--events", '[{"type": "moon_phase", "at": "2026-01-01"}]'),
        ("--events", '[{"type": "id_requested"}]'),
        ("--events", '[{"type": "id_requested", "at": 5}]'),
        ("--events", '["x"]'),
        ("--holidays", "a,b\n1,2\n"),
        ("--holidays", "day,name,source\nsoon,x,y\n"),
        ("--holidays", "day,name,source\n2026-01-02,x,\n"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(
    option: str, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    assert run([*DUE, option, str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert run([*DUE, option, str(tmp_path / "absent")]) == 2
    assert run([*DUE, "--region", "XX"]) == 2
