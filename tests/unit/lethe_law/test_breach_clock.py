"""72 hours, to the second and to the full hour; weekends, holidays and changes of the clocks move nothing."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_law import CaseError
from lethe_law.breach.cases import clock_cases
from lethe_law.breach.clock import breach_clock, count_hours
from lethe_law.breach.errors import ImpossibleFacts, UnknownRegime
from lethe_law.breach.rules import OMNIBUS, RULES, ReportTo, Risk, breach_rule, in_force
from lethe_law.errors import LawError
from lethe_law.escalation import BREACH_LADDER, REQUEST_LADDER, Caller, Rung, Span, next_ring, rings_at, to_ring

FILE = Path(__file__).parent / "cases" / "breach_clock_cases.csv"
with FILE.open(encoding="utf-8") as _file:
    ROWS = {row["case_id"]: row for row in csv.DictReader(_file)}
GIVEN = {case.case_id: case for case in clock_cases(FILE)}
DECIDING = [case for case, row in ROWS.items() if row["confidence"] in {"high", "medium"}]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("case", DECIDING)
def test_both_instants_are_the_published_ones_to_the_letter(case: str) -> None:
    row, found = ROWS[case], GIVEN[case]
    assert found.due is not None
    assert found.legal_end is not None
    assert found.due.isoformat() == row["operational_due_exact"]
    assert found.legal_end.isoformat() == row["legal_end_1182"]


@pytest.mark.parametrize("case", [c for c in DECIDING if ROWS[c]["expected_late"] == "yes"])
def test_what_was_filed_late_is_late(case: str) -> None:
    row = ROWS[case]
    clock = breach_clock(at(row["aware_at"]), zone=row["timezone"])
    filed = at(row["submitted_at"])
    filed = filed if filed.tzinfo else filed.replace(tzinfo=ZoneInfo(row["timezone"]))
    assert clock.late(filed)
    assert clock.reasons_needed(filed)


instants = st.datetimes(datetime(2018, 5, 25), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(["UTC", "Europe/Berlin", "Europe/Lisbon", "Asia/Kolkata", "America/New_York"])


@given(instants, zones, st.integers(1, 200))
def test_the_legal_end_lies_up_to_one_hour_after_the_exact_target_and_never_before(
    aware: datetime, zone: str, hours: int
) -> None:
    due, end = count_hours(aware, ZoneInfo(zone), hours)
    assert due - aware == timedelta(hours=hours)
    assert timedelta(0) < end - due <= timedelta(hours=1)
    local = end.astimezone(ZoneInfo(zone))
    assert (local.minute, local.second, local.microsecond) == (0, 0, 0)


@given(instants, zones, zones)
def test_the_exact_target_does_not_depend_on_the_zone(aware: datetime, here: str, there: str) -> None:
    assert breach_clock(aware, zone=here).due == breach_clock(aware.astimezone(ZoneInfo(there)), zone=there).due


def test_the_rule_is_that_of_the_day_of_awareness_and_is_kept_with_the_clock() -> None:
    clock = breach_clock(at("2026-10-09T15:00:00+02:00"), zone="Europe/Berlin")
    assert (clock.regime, clock.hours, clock.rule_version) == ("gdpr", 72, "2018-05-25.1")
    assert "1182/71" in clock.articles
    assert any("never moved" in step for step in clock.steps)
    assert clock.aware_at.tzinfo is UTC


def test_a_proposal_counts_for_nobody_until_it_has_a_date() -> None:
    assert breach_rule("gdpr", date(2035, 1, 1)).hours == 72
    rules = (*RULES, in_force(OMNIBUS, date(2028, 1, 1)))
    assert breach_rule("gdpr", date(2027, 12, 31), rules).hours == 72
    later = breach_rule("gdpr", date(2028, 1, 1), rules)
    assert (later.hours, later.threshold, later.channel) == (96, Risk.HIGH, ReportTo.SINGLE_ENTRY_POINT)
    clock = breach_clock(at("2028-01-01T10:00:00Z"), zone="Europe/Berlin", rules=rules)
    assert clock.due == at("2028-01-05T10:00:00Z")


def test_other_laws_count_otherwise() -> None:
    swiss = breach_clock(at("2026-06-02T10:00:00Z"), zone="Europe/Zurich", regime="ch-fadp")
    assert (swiss.due, swiss.legal_end, swiss.span) == (None, None, None)
    assert not swiss.late(at("2030-01-01T00:00:00Z"))
    brazil = breach_clock(at("2026-06-04T10:00:00-03:00"), zone="America/Sao_Paulo", regime="lgpd")  # a Thursday
    assert brazil.legal_end == at("2026-06-10T03:00:00Z")  # Friday, Monday, Tuesday 24:00
    london = breach_clock(at("2026-06-04T10:30:00+01:00"), zone="Europe/London", regime="uk-gdpr")
    assert london.legal_end == at("2026-06-07T10:00:00Z")


@pytest.mark.parametrize(("regime", "day"), [("pipl", "2026-01-01"), ("gdpr", "2018-05-24"), ("ch-fadp", "2023-08-31")])
def test_a_law_that_did_not_count_on_that_day_is_refused(regime: str, day: str) -> None:
    with pytest.raises(UnknownRegime, match="there are"):
        breach_clock(at(f"{day}T12:00:00Z"), zone="UTC", regime=regime)


def test_a_naive_instant_and_an_impossible_count_are_refused() -> None:
    with pytest.raises(ImpossibleFacts, match="offset"):
        breach_clock(datetime(2026, 1, 1), zone="UTC")  # noqa: DTZ001
    for hours in (0, -1, 100_000):
        with pytest.raises(ImpossibleFacts, match="hours"):
            count_hours(at("2026-01-01T00:00:00Z"), ZoneInfo("UTC"), hours)


def rows(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "cases.csv"
    path.write_text("case_id,regime,aware_at,timezone,hours\n" + "\n".join(lines) + "\n")
    return path


def test_a_row_without_hours_takes_those_of_its_law_and_one_without_zone_that_of_its_instant(tmp_path: Path) -> None:
    path = rows(
        tmp_path,
        "a,GDPR 33(1),2026-06-02T11:45:00+02:00,Europe/Berlin,",
        "b,UK-GDPR,2026-06-02T11:45:00+01:00,,",
        "c,GDPR,2026-06-02T11:45:00,Europe/Berlin,96",
    )
    found = {c.case_id: (str(c.due), str(c.legal_end)) for c in clock_cases(path)}
    assert found == {
        "a": ("2026-06-05 11:45:00+02:00", "2026-06-05 12:00:00+02:00"),
        "b": ("2026-06-05 11:45:00+01:00", "2026-06-05 12:00:00+01:00"),
        "c": ("2026-06-06 11:45:00+02:00", "2026-06-06 12:00:00+02:00"),
    }


def test_a_row_that_cannot_be_told_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    path = rows(
        tmp_path,
        "naive,GDPR,2026-06-02T11:45:00,,72",
        "text,GDPR,soon,UTC,72",
        "hours,GDPR,2026-06-02T11:45:00Z,UTC,many",
        "zone,GDPR,2026-06-02T11:45:00Z,Europe/Atlantis,72",
        "swiss,CH-FADP,2026-06-02T11:45:00Z,UTC,",
        "good,GDPR,2026-06-02T11:45:00Z,UTC,72",
    )
    found = {c.case_id: bool(c.unsupported) for c in clock_cases(path)}
    assert found == dict.fromkeys(("naive", "text", "hours", "zone", "swiss"), True) | {"good": False}


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CaseError, match="aware_at"):
        list(clock_cases(tmp_path / "x.csv"))


SPAN = Span(at("2026-06-02T12:00:00Z"), at("2026-06-05T12:00:00Z"))


def test_the_ladder_of_a_breach_rings_at_24_48_60_and_70_hours_and_at_the_end() -> None:
    hours = [(rings_at(r, SPAN) - SPAN.start) // timedelta(hours=1) for r in BREACH_LADDER]
    assert hours == [24, 48, 60, 70, 72]
    assert BREACH_LADDER[-1].calls is Caller.ON_CALL


def test_the_ladder_of_a_request_goes_by_the_share_of_time_used() -> None:
    shares = [(rings_at(r, SPAN) - SPAN.start) / (SPAN.due - SPAN.start) for r in REQUEST_LADDER]
    assert shares == [0.5, 0.75, 0.9, 1.0]
    assert [r.calls for r in REQUEST_LADDER] == [Caller.OWNER, Caller.PRIVACY_TEAM, Caller.ON_CALL, Caller.ON_CALL]


@given(st.lists(st.integers(0, 100), max_size=30))
def test_each_rung_rings_once_whenever_one_looks(hours: list[int]) -> None:
    rung: list[str] = []
    for hour in sorted(hours):
        now = SPAN.start + timedelta(hours=hour)
        for found in to_ring(SPAN, BREACH_LADDER, rung, now):
            assert rings_at(found, SPAN) <= now
            rung.append(found.name)
        assert to_ring(SPAN, BREACH_LADDER, rung, now) == ()
        following = next_ring(SPAN, BREACH_LADDER, rung)
        assert following is None or following > now
    assert len(rung) == len(set(rung))
    last = max(hours, default=-1)
    assert rung == [r.name for r in BREACH_LADDER if rings_at(r, SPAN) <= SPAN.start + timedelta(hours=last)]


def test_after_an_outage_all_missed_rungs_ring_at_once_in_order() -> None:
    found = to_ring(SPAN, tuple(reversed(BREACH_LADDER)), {"triage"}, SPAN.due)
    assert [r.name for r in found] == ["draft", "sign_off", "page", "due"]


def test_a_rung_that_cannot_be_is_refused() -> None:
    with pytest.raises(LawError):
        Rung("both", Caller.OWNER)
    with pytest.raises(LawError):
        Rung("early", Caller.OWNER, after=timedelta(hours=-1))
    with pytest.raises(LawError):
        Span(SPAN.due, SPAN.start)


def test_between_the_exact_target_and_the_legal_end_reasons_are_asked_and_nothing_is_late() -> None:
    clock = breach_clock(at("2026-06-02T11:45:00+02:00"), zone="Europe/Berlin")
    for filed, late, reasons in (("11:45", False, False), ("11:50", False, True), ("12:00", False, True)):
        instant = at(f"2026-06-05T{filed}:00+02:00")
        assert (clock.late(instant), clock.reasons_needed(instant)) == (late, reasons)
    assert clock.late(at("2026-06-05T12:00:01+02:00"))
