"""What holds for every date, whatever the inputs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lethe_law import Event, Kind, calendar_of, due, first_month, supported_countries
from lethe_law.calendars import NO_ROLL, WEEKENDS_ONLY
from lethe_law.clock import both
from lethe_law.period import add_months, end_of_days, end_of_months
from lethe_law.reading import Situation
from lethe_law.rules import FIRST

countries = st.sampled_from(sorted(supported_countries()))
calendars = st.sampled_from([*sorted(supported_countries()), "none", "none-noroll"]).map(calendar_of)
days = st.dates(date(2018, 5, 25), date(2035, 12, 31))
instants = st.datetimes(datetime(2018, 5, 25), datetime(2035, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def histories(draw: st.DrawFn, start: date) -> tuple[Event, ...]:
    """Any events in order of time: questions may stay open, notices may be late or without reasons."""
    day = start
    events = []
    for kind in draw(st.lists(st.sampled_from(Kind), max_size=8)):
        day += timedelta(days=draw(st.integers(0, 25)))
        events.append(Event(kind, day, draw(st.sampled_from(["", "stated"])), draw(st.integers(-1, 4))))
    return tuple(events)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    regime = draw(st.sampled_from(sorted(FIRST)))
    received = draw(days)
    rule = draw(st.sampled_from([rule for _, rule in FIRST[regime]]))
    return Situation(
        rule,
        draw(calendars),
        ZoneInfo("Europe/Berlin"),
        received,
        received + timedelta(days=draw(st.integers(-1, 1))),
        draw(histories(received)),
        draw(st.booleans()),
    )


@given(instants, countries)
def test_a_date_is_never_before_receipt_nor_strict_after_legal(received: datetime, country: str) -> None:
    result = first_month(received, country=country)
    assert received <= result.due_strict <= result.due_legal
    assert result.due_date_strict <= result.due_date_legal


@given(situations())
def test_the_same_holds_after_any_events(situation: Situation) -> None:
    legal, strict, steps = both(situation)
    assert min(situation.received, situation.received_utc) <= strict <= legal.end
    assert steps


@given(situations(), st.integers(0, 130))
def test_one_more_holiday_never_makes_a_date_earlier(situation: Situation, after: int) -> None:
    holiday = situation.received + timedelta(days=after)
    legal, strict, _ = both(situation)
    more = Situation(
        situation.rule,
        situation.calendar.with_holiday(holiday, "a new holiday"),
        situation.zone,
        situation.received,
        situation.received_utc,
        situation.events,
        situation.extend,
    )
    later, strict_later, _ = both(more)
    assert later.end >= legal.end
    assert strict_later >= strict


@given(days, st.integers(1, 40), st.integers(0, 60))
def test_one_more_holiday_never_shortens_a_period_in_days(day: date, length: int, after: int) -> None:
    calendar = calendar_of("DE")
    more = calendar.with_holiday(day + timedelta(days=after), "a new holiday")
    assert end_of_days(day, length, more) >= end_of_days(day, length, calendar)


@given(days, st.integers(1, 36))
def test_without_a_calendar_the_number_of_the_day_is_that_of_receipt_or_the_last(day: date, months: int) -> None:
    end = end_of_months(day, months, NO_ROLL)
    assert end.day == day.day or (end.day < day.day and (end + timedelta(days=1)).day == 1)
    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == months


@given(days, st.integers(0, 24), st.integers(0, 24))
def test_months_are_never_added_to_an_already_clamped_date_by_mistake(day: date, first: int, second: int) -> None:
    assert add_months(add_months(day, first), second) <= add_months(day, first + second)


@given(days, countries)
def test_a_period_ends_on_a_working_day_and_moves_no_further_than_to_the_next(day: date, country: str) -> None:
    calendar = calendar_of(country)
    base, end = add_months(day, 1), end_of_months(day, 1, calendar)
    assert calendar.why_not_working(end) is None
    assert all(calendar.why_not_working(base + timedelta(days=n)) for n in range((end - base).days))


@given(days, st.integers(2, 60))
def test_two_days_or_more_hold_two_working_days(day: date, length: int) -> None:
    end = end_of_days(day, length, WEEKENDS_ONLY)
    inside = (day + timedelta(days=n) for n in range(1, (end - day).days + 1))
    assert sum(WEEKENDS_ONLY.why_not_working(d) is None for d in inside) >= 2


@given(instants, st.integers(-2, 5), st.sampled_from(["", "complex"]), st.integers(0, 50))
def test_an_extension_counts_exactly_if_it_may(received: datetime, by: int, reasons: str, after: int) -> None:
    sent = received + timedelta(days=after)
    first = first_month(received, country="FR")
    result = due(received, country="FR", events=[Event(Kind.EXTENSION_NOTICE, sent, reasons, by)])
    assert result.extended == (1 <= by <= 2 and bool(reasons) and sent < first.due_legal)
    if not result.extended:
        assert result.due_legal == first.due_legal
    assert result.due_date_legal <= end_of_months(result.received_day, 3, calendar_of("FR"))


@given(situations())
def test_a_refusal_is_due_as_if_no_notice_had_been_sent(situation: Situation) -> None:
    def end(events: tuple[Event, ...], extend: bool) -> date:
        return both(
            Situation(
                situation.rule,
                situation.calendar,
                situation.zone,
                situation.received,
                situation.received_utc,
                events,
                extend,
            )
        )[0].end

    without = tuple(e for e in situation.events if e.kind is not Kind.EXTENSION_NOTICE)
    assert end(situation.events, extend=False) == end(without, extend=True)
