"""Changes of a clock: allowed ones are recorded with who, why and rule; others are refused before they mislead."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_law import ClockError, Event, Kind, due, first_month
from lethe_law.calendars import Override
from lethe_law.changes import ChangeRefused, Clocked, change

NOON = datetime.fromisoformat("2026-09-10T12:00:00+02:00")
GDPR = Clocked(NOON, "DE")


def notice(days: int = 10, reasons: str = "complex", by: int = 2) -> Event:
    return Event(Kind.EXTENSION_NOTICE, NOON + timedelta(days=days), reasons, by)


def changed(clocked: Clocked, event: Event, **more: Any) -> Any:
    now = more.get("now", NOON + timedelta(days=200))
    return change(clocked, event, by=more.get("by", "ada"), now=now)


def test_an_extension_is_recorded_with_who_why_and_the_rule_that_allows_it() -> None:
    after, record = changed(GDPR, notice())
    assert str(after.result().due_date_legal) == "2026-12-10"
    assert (record.by, record.why, record.rule, record.rule_version) == (
        "ada",
        "complex",
        "gdpr.art12_3",
        "2018-05-25.1",
    )
    assert record.moved
    assert (str(record.before.due_date_legal), str(record.after.due_date_legal)) == ("2026-10-12", "2026-12-10")


@pytest.mark.parametrize(
    ("clocked", "event", "code"),
    [
        (GDPR, notice(reasons=" "), "no_reasons"),
        (GDPR, notice(by=3), "too_long"),
        (GDPR, notice(by=0), "too_long"),
        (GDPR, notice(days=33), "too_late"),
        (Clocked(NOON, "DE", refusal=True), notice(), "refusal_never_extended"),
        (Clocked(NOON, "DE", history=(notice(),)), notice(days=12), "extended_already"),
        (Clocked(NOON, "CH", "ch-fadp"), notice(), "no_extension"),
        (Clocked(NOON, "BR", "lgpd"), notice(), "no_extension"),
        (GDPR, notice(days=-1), "before_receipt"),
        (GDPR, Event(Kind.ID_REQUESTED, NOON), "no_reasons"),
        (GDPR, Event(Kind.ID_RECEIVED, NOON), "no_question"),
        (Clocked(NOON, "US-CA", "ccpa"), Event(Kind.ID_REQUESTED, NOON, "doubt"), "no_pause"),
    ],
)
def test_what_the_law_does_not_allow_is_refused_by_name(clocked: Clocked, event: Event, code: str) -> None:
    with pytest.raises(ChangeRefused) as refused:
        changed(clocked, event)
    assert refused.value.code == code
    assert refused.value.detail


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"now": NOON}, "in_the_future"),
        ({"by": " "}, "no_name"),
        ({"now": datetime(2026, 12, 1)}, "no_zone"),  # noqa: DTZ001
    ],
)
def test_a_change_is_of_what_has_happened_and_by_somebody(more: dict[str, Any], code: str) -> None:
    with pytest.raises(ChangeRefused, match=code):
        changed(GDPR, notice(), **more)


def test_a_question_in_time_pauses_and_a_late_one_is_recorded_as_moving_nothing() -> None:
    for days, moved in ((1, True), (20, False)):
        asked, first = changed(GDPR, Event(Kind.ID_REQUESTED, NOON + timedelta(days=days), "another address"))
        assert not first.moved
        _, answered = changed(asked, Event(Kind.ID_RECEIVED, NOON + timedelta(days=days + 4)))
        assert answered.moved is moved
        assert answered.after.due_date_strict == GDPR.result().due_date_strict


def test_a_refusal_pauses_as_the_answer_does_and_is_never_extended() -> None:
    refusal = Clocked(NOON, "GB-EAW", "uk-gdpr", refusal=True)
    asked, _ = changed(refusal, Event(Kind.ID_REQUESTED, NOON + timedelta(days=1), "another address"))
    _, answered = changed(asked, Event(Kind.ID_RECEIVED, NOON + timedelta(days=6)))
    assert answered.after.due_date_legal > answered.before.due_date_legal  # Art. 12A: the period begins anew


@given(st.integers(0, 120), st.integers(-1, 4), st.sampled_from(["", "complex"]), st.booleans())
def test_an_extension_is_allowed_exactly_if_the_clock_takes_it(days: int, by: int, reasons: str, refusal: bool) -> None:
    event = notice(days, reasons, by)
    taken = due(NOON, country="DE", events=[event], refusal=refusal).extended
    try:
        changed(Clocked(NOON, "DE", refusal=refusal), event)
        allowed = True
    except ClockError:
        allowed = False
    assert allowed is taken


def test_holidays_of_a_region_move_the_legal_date_and_never_the_strict_one() -> None:
    received = datetime.fromisoformat("2025-12-06T12:00:00+01:00")  # a month later: Epiphany
    nation = first_month(received, country="DE")
    bavaria = due(received, country="DE", region="BY")
    assert (str(nation.due_date_legal), str(bavaria.due_date_legal)) == ("2026-01-06", "2026-01-07")
    assert bavaria.due_date_strict == nation.due_date_strict
    assert any("without the holidays of the region" in step for step in bavaria.steps)
    assert "DE-BY" in bavaria.calendar
    assert Clocked(received, "DE", region="BY").result() == bavaria
    with pytest.raises(ClockError, match="regions of DE"):
        due(received, country="DE", region="XX")


def test_a_region_changes_nothing_where_a_law_names_no_calendar() -> None:
    assert due(NOON, country="BR", regime="lgpd", region="SP").due_date_legal == date(2026, 9, 25)


def test_a_day_that_a_deployer_puts_right_counts_in_both_dates() -> None:
    extra = Override(date(2026, 10, 12), "Day of the Archive", "Gazette 3")
    found = due(NOON, country="DE", overrides=[extra])
    assert (str(found.due_date_legal), str(found.due_date_strict)) == ("2026-10-13", "2026-10-13")
    assert "Gazette 3" in found.calendar
    assert any("Day of the Archive" in step for step in found.steps)
