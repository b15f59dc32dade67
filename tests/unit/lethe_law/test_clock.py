"""The clock of a request: one month, two readings where the law is read in two ways."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from lethe_law import ClockError, Event, Kind, UnsupportedPlace, due, first_month, regime_of, supported_countries
from lethe_law.places import EEA


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


NOON = at("2026-09-10T12:00:00+02:00")


def test_the_end_is_midnight_after_the_last_local_day_in_utc() -> None:
    result = first_month(NOON, country="DE")
    assert result.due_date_legal == date(2026, 10, 12)  # 10 October is a Saturday
    assert result.due_legal == at("2026-10-12T22:00:00+00:00")
    assert result.due_legal.tzinfo is UTC


def test_midnight_is_that_of_the_end_not_of_the_receipt_when_clocks_change_in_between() -> None:
    """Received in winter time, ends in summer time."""
    assert first_month(at("2026-03-10T12:00:00+01:00"), country="DE").due_legal == at("2026-04-10T22:00:00+00:00")


@pytest.mark.parametrize(
    ("received", "country", "legal", "strict"),
    [
        # local 1 April, UTC 31 March: 1 May is a holiday; the UTC reading ends on 30 April
        ("2026-03-31T23:30:00Z", "DE", "2026-05-04", "2026-04-30"),
        # the same instant in Iceland is 31 March either way
        ("2026-03-31T23:30:00Z", "IS", "2026-04-30", "2026-04-30"),
        # one second before local midnight
        ("2026-01-31T22:59:59Z", "DE", "2026-03-02", "2026-03-02"),
        # the offset of the writer does not matter, the establishment's zone does
        ("2026-04-01T08:30:00+09:00", "DE", "2026-05-04", "2026-04-30"),
    ],
)
def test_receipt_near_midnight_keeps_both_dates(received: str, country: str, legal: str, strict: str) -> None:
    result = first_month(at(received), country=country)
    assert (str(result.due_date_legal), str(result.due_date_strict)) == (legal, strict)
    assert result.due_strict <= result.due_legal


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ClockError, match="offset"):
        first_month(datetime(2026, 3, 1), country="DE")  # noqa: DTZ001


@pytest.mark.parametrize(
    ("country", "regime"), [("ZZ", "gdpr"), ("US-CA", "gdpr"), ("DE", "pipl"), ("DE", "ccpa"), ("", "gdpr")]
)
def test_a_place_without_rules_is_refused_with_a_list_of_those_there_are(country: str, regime: str) -> None:
    with pytest.raises(UnsupportedPlace, match="there are: "):
        first_month(NOON, country=country, regime=regime)


@pytest.mark.parametrize("year", [1700, 1989, 2101, 9998])
def test_a_year_without_calendars_is_refused(year: int) -> None:
    with pytest.raises(ClockError):
        first_month(datetime(year, 3, 1, tzinfo=UTC), country="DE")


def test_thirty_countries_of_the_eea_and_their_neighbours_are_supported() -> None:
    assert len(EEA) == 30
    assert supported_countries() == {*EEA, "GB", "GB-EAW", "GB-SCT", "GB-NIR", "CH"}
    assert {regime_of(c) for c in supported_countries()} == {"gdpr", "uk-gdpr", "ch-fadp"}
    with pytest.raises(UnsupportedPlace):
        regime_of("ZZ")


@pytest.mark.parametrize("country", sorted(supported_countries()))
def test_every_supported_country_has_a_zone_a_calendar_and_a_derivation(country: str) -> None:
    result = first_month(NOON, country=country)
    assert date(2026, 10, 9) < result.due_date_legal < date(2026, 10, 20)
    assert country in result.calendar
    assert ZoneInfo(result.zone).key == result.zone
    assert all(result.steps)
    assert "Art. 12(3)" in result.articles
    assert result.rule_version


def test_the_result_is_json_and_holds_inputs_and_rule() -> None:
    stored = json.loads(json.dumps(first_month(NOON, country="DE").as_dict()))
    assert stored["rule"] == "gdpr.art12_3"
    assert stored["received_at"] == "2026-09-10T12:00:00+02:00"
    assert stored["due_legal"] == "2026-10-12T22:00:00+00:00"
    assert any("2026-10-10 is a Saturday, 2026-10-11 is a Sunday" in step for step in stored["steps"])


def test_the_rule_of_the_day_of_receipt_is_the_one_that_counts() -> None:
    before = first_month(at("2026-02-04T12:00:00Z"), country="GB-EAW", regime="uk-gdpr")
    after = first_month(at("2026-02-05T12:00:00Z"), country="GB-EAW", regime="uk-gdpr")
    assert (before.rule, after.rule) == ("uk-gdpr.art12_3", "uk-gdpr.art12a")


@pytest.mark.parametrize(
    ("regime", "country", "expected"),
    [
        ("ch-fadp", "CH", "2026-10-10"),  # 30 days, nothing rolls
        ("ccpa", "US-CA", "2026-10-25"),  # 45 days
        ("lgpd", "BR", "2026-09-25"),  # 15 days
    ],
)
def test_other_laws_count_days(regime: str, country: str, expected: str) -> None:
    assert str(first_month(NOON, country=country, regime=regime).due_date_legal) == expected


def notice(sent: str, by: int = 2, reasons: str = "complex") -> Event:
    return Event(Kind.EXTENSION_NOTICE, at(sent), reasons, by)


@pytest.mark.parametrize(
    ("event", "valid"),
    [
        (notice("2026-10-12T21:59:00Z"), True),  # the last minute of the first period
        (notice("2026-10-12T22:00:00Z"), False),  # the next local day
        (notice("2026-09-20T10:00:00Z", reasons=""), False),
        (notice("2026-09-20T10:00:00Z", by=0), False),
        (notice("2026-09-20T10:00:00Z", by=1), True),
        (notice("2026-09-20T10:00:00Z", by=3), False),
    ],
)
def test_an_extension_needs_reasons_and_a_notice_in_time(event: Event, valid: bool) -> None:
    result = due(NOON, country="DE", events=[event])
    assert result.extended is valid
    expected = {1: "2026-11-10", 2: "2026-12-10"}[event.by] if valid else "2026-10-12"
    assert str(result.due_date_legal) == expected


def test_a_refusal_is_never_extended() -> None:
    result = due(NOON, country="DE", events=[notice("2026-09-20T10:00:00Z")], refusal=True)
    assert (result.extended, str(result.due_date_legal)) == (False, "2026-10-12")


def asked(kind: Kind, answered: Kind, first: str, second: str | None, reasons: str = "another address") -> list[Event]:
    events = [Event(kind, at(first), reasons)]
    return [*events, Event(answered, at(second))] if second else events


IDENTITY = (Kind.ID_REQUESTED, Kind.ID_RECEIVED)
CLARIFICATION = (Kind.CLARIFICATION_REQUESTED, Kind.CLARIFICATION_RECEIVED)


def test_a_doubt_on_identity_suspends_the_legal_date_and_never_the_strict_one() -> None:
    events = asked(*IDENTITY, "2026-09-11T10:00:00Z", "2026-09-21T10:00:00Z")
    result = due(NOON, country="DE", events=events)
    assert (str(result.due_date_legal), str(result.due_date_strict)) == ("2026-10-20", "2026-10-12")


@pytest.mark.parametrize(
    "events",
    [
        asked(*IDENTITY, "2026-09-30T10:00:00Z", "2026-10-05T10:00:00Z"),  # asked late
        asked(*IDENTITY, "2026-09-11T10:00:00Z", "2026-09-21T10:00:00Z", reasons=""),  # no doubt on record
        [
            Event(Kind.FEE_REQUESTED, at("2026-09-11T10:00:00Z"), "excessive"),
            Event(Kind.FEE_PAID, at("2026-09-20T10:00:00Z")),
        ],
    ],
)
def test_nothing_else_suspends_it(events: list[Event]) -> None:
    assert str(due(NOON, country="DE", events=events).due_date_legal) == "2026-10-12"


def test_an_open_question_is_told_and_moves_nothing_yet() -> None:
    result = due(NOON, country="DE", events=asked(*IDENTITY, "2026-09-11T10:00:00Z", None))
    assert (result.pending, str(result.due_date_legal)) == (True, "2026-10-12")


def uk(events: list[Event]) -> tuple[str, str]:
    result = due(at("2026-06-03T12:00:00Z"), country="GB-EAW", regime="uk-gdpr", events=events)
    return str(result.due_date_legal), str(result.due_date_strict)


def test_in_the_united_kingdom_identity_resets_and_clarification_pauses() -> None:
    identity = asked(*IDENTITY, "2026-06-04T10:00:00Z", "2026-06-10T10:00:00Z")
    assert uk(identity) == ("2026-07-10", "2026-07-10")
    clarification = asked(*CLARIFICATION, "2026-06-12T10:00:00Z", "2026-06-16T10:00:00Z")
    # five days with both ends, four without the last
    assert uk(identity + clarification) == ("2026-07-15", "2026-07-14")
    # what was asked before the period began does not pause it, only what of it lies inside
    early = asked(*CLARIFICATION, "2026-06-05T10:00:00Z", "2026-06-11T10:00:00Z")
    assert uk(identity + early) == ("2026-07-13", "2026-07-13")  # 10 July + 2 days is a Sunday; + 1 a Saturday


def test_overlapping_questions_pause_each_day_once() -> None:
    first = asked(*CLARIFICATION, "2026-06-08T10:00:00Z", "2026-06-10T10:00:00Z")
    again = asked(*CLARIFICATION, "2026-06-10T12:00:00Z", "2026-06-12T10:00:00Z")
    assert uk(first + again)[0] == "2026-07-08"  # five days, not six


def test_an_answer_before_its_question_is_refused() -> None:
    events = asked(*IDENTITY, "2026-09-20T10:00:00Z", "2026-09-11T10:00:00Z")
    with pytest.raises(ClockError, match="before"):
        due(NOON, country="DE", events=events)


def test_an_extension_after_a_short_month_plans_for_the_earlier_date() -> None:
    received = at("2026-01-31T12:00:00+01:00")
    result = due(received, country="DE", events=[notice("2026-02-27T12:00:00Z")])
    assert (str(result.due_date_legal), str(result.due_date_strict)) == ("2026-04-30", "2026-04-28")


def test_thousands_of_requests_a_second_can_be_clocked() -> None:
    zone = timezone(timedelta(hours=2))
    received = [datetime(2026, 9, 10, n % 24, n % 60, tzinfo=zone) for n in range(5000)]
    started = time.process_time()
    for instant in received:
        first_month(instant, country="DE")
    assert (time.process_time() - started) / len(received) < 100e-6  # measured: 9 µs
