"""Calendars with their sources, grounds with their articles."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lethe_law import GROUNDS, Effect, UnknownGround, UnsupportedPlace, calendar_of, ground, grounds
from lethe_law import calendars as module
from lethe_law.calendars import Override

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("code", "day", "name"),
    [
        ("PL", date(2025, 12, 24), "Christmas Eve"),  # a holiday since 2025; the list of the OJ is older
        ("PL", date(2024, 12, 24), None),
        ("DE", date(2026, 5, 1), "Labor Day"),
        ("IE", date(2026, 2, 2), "Saint Brigid's Day"),
        ("PT", date(2026, 4, 6), None),  # no Easter Monday in Portugal
        ("IT", date(2026, 4, 3), None),  # no Good Friday in Italy
        ("GB-EAW", date(2026, 4, 6), "Easter Monday"),
        ("GB-SCT", date(2026, 4, 6), None),
        ("GB", date(2026, 4, 6), None),  # not in all of the United Kingdom
        ("GB-NIR", date(2026, 3, 17), "Saint Patrick's Day"),
        ("GB-EAW", date(2021, 12, 28), "Boxing Day (observed)"),  # a substitute day counts
        ("DE", date(2026, 8, 15), "a Saturday"),  # regional holidays never count; weekends do
        ("DE", date(2026, 1, 6), None),
    ],
)
def test_a_day_is_off_where_the_national_list_says_so(code: str, day: date, name: str | None) -> None:
    assert calendar_of(code).why_not_working(day) == name


def test_an_unknown_calendar_is_refused() -> None:
    for code in ("ZZ", "DE-XX", "LI-1", "", "US-CA"):
        with pytest.raises(UnsupportedPlace):
            calendar_of(code)


@pytest.mark.parametrize(
    ("code", "day", "name"),
    [
        ("DE-BY", date(2026, 1, 6), "Epiphany"),
        ("DE-BE", date(2026, 1, 6), None),
        ("DE-BE", date(2026, 5, 1), "Labor Day"),  # what all regions have
        ("ES-CT", date(2026, 9, 11), "National Day of Catalonia"),
        ("AT-9", date(2026, 10, 26), "National Day"),
    ],
)
def test_a_region_has_the_national_holidays_and_its_own(code: str, day: date, name: str | None) -> None:
    assert calendar_of(code).why_not_working(day) == name
    assert "regional" in calendar_of(code).source


def test_a_deployer_puts_days_right_and_the_calendar_says_by_what() -> None:
    right = calendar_of("DE").overridden(
        [Override(date(2026, 6, 17), "Day of Unity", "Gazette 1"), Override(date(2026, 5, 1), None, "Gazette 2")]
    )
    assert right.why_not_working(date(2026, 6, 17)) == "Day of Unity"
    assert right.why_not_working(date(2026, 5, 1)) is None
    assert "Gazette 2" in right.source
    assert calendar_of("DE").why_not_working(date(2026, 5, 1)) == "Labor Day"


@pytest.fixture
def overridden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    overrides = (
        Override(date(2026, 6, 17), "Day of Unity", "Federal Law Gazette 2026 I 1"),
        Override(date(2026, 5, 1), None, "Federal Law Gazette 2026 I 2"),
    )
    monkeypatch.setattr(module, "OVERRIDES", {"DE": overrides})
    calendar_of.cache_clear()
    yield
    calendar_of.cache_clear()


@pytest.mark.usefixtures("overridden")
def test_a_dated_override_wins_over_the_library_and_names_its_source() -> None:
    calendar = calendar_of("DE")
    assert calendar.why_not_working(date(2026, 6, 17)) == "Day of Unity"
    assert calendar.why_not_working(date(2026, 5, 1)) is None
    assert calendar.why_not_working(date(2025, 5, 1)) == "Labor Day"
    assert "Federal Law Gazette 2026 I 2" in calendar.source


def test_every_ground_names_an_article_and_fits_the_wire() -> None:
    for found in GROUNDS.values():
        assert re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", found.code)
        assert re.fullmatch(r"GDPR Art\. [A-Za-z0-9 .,()/:§-]{1,70}", found.article)
        assert found.text.endswith(".")


def test_grounds_are_found_by_code_and_by_effect() -> None:
    assert ground("legal_obligation").article == "GDPR Art. 17(3)(b)"
    assert {g.code for g in grounds(Effect.EXCEPT)} >= {"cannot_be_reread"}
    assert sum(len(grounds(effect)) for effect in Effect) == len(GROUNDS)
    with pytest.raises(UnknownGround, match="legal_claims"):
        ground("because")
