"""The start waits for engines and for nothing else."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lethe_chassis import SettingsError, Start, blamed_on, health_of, start, unavailable_if


class Refused(Exception):
    """What waiting does not mend."""


def starting(*outcomes: Exception | None, patience_s: float | None = None) -> tuple[Start, list[Exception | None]]:
    left = list(outcomes)

    async def attempt() -> None:
        outcome = left.pop(0)
        if isinstance(outcome, TimeoutError):
            await asyncio.Event().wait()
        if outcome is not None:
            raise outcome

    return Start(attempt, refused=(Refused,), waiting="waits for engines", patience_s=patience_s), left


async def test_a_start_is_tried_until_engines_answer_and_then_never_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_PAUSE_S", 0)
    begun, left = starting(ConnectionError(), OSError(), None, AssertionError("a fourth time"))
    await begun.attempt()
    assert not begun.done.is_set()
    await begun.insist()
    await begun.insist()
    assert begun.done.is_set()
    assert len(left) == 1


async def test_a_start_that_a_person_has_to_mend_is_not_tried_again() -> None:
    begun, left = starting(Refused(), None)
    with pytest.raises(Refused):
        await begun.insist()
    assert len(left) == 1
    assert not begun.done.is_set()


async def test_an_attempt_that_hangs_ends_with_its_patience() -> None:
    begun, _ = starting(TimeoutError(), patience_s=0.001)
    await begun.attempt()
    assert not begun.done.is_set()


async def test_a_service_is_ready_once_it_has_started_and_its_engines_answer() -> None:
    facts: dict[str, object] = {"ok": True, "trouble": {}, "consumer": {}, "publisher": {}, "outbox": {}, "slots": 3}

    async def one(_: str) -> int:
        return 1

    begun, _ = starting(None)
    database = SimpleNamespace(fetchval=one, pool=SimpleNamespace(get_size=lambda: 7))
    auth = SimpleNamespace(check=lambda: None)
    bus = SimpleNamespace(health=lambda: facts)

    async def report() -> dict[str, Any]:
        health = health_of(cast("Any", database), bus, begun, cast("Any", auth))
        found: Any = (await health.report())[1]
        return dict(found["components"])

    before = await report()
    assert (before["start"]["state"], before["start"]["reason"]) == ("failing", "waits for engines")
    assert before["postgres"]["connections"] == 7
    assert "slots" not in before["bus"]
    await begun.attempt()
    facts.update(ok=False, trouble={"postgres": "away"})
    after = await report()
    assert after["start"]["state"] == "ok"
    assert after["bus"]["reason"] == "in trouble: {'postgres': 'away'}"


def test_what_is_down_is_told_from_what_is_wrong() -> None:
    away = unavailable_if(Refused)
    assert away(Refused())
    assert away(ConnectionRefusedError())
    assert not away(ValueError())
    assert not unavailable_if()(Refused())


def test_every_problem_of_a_file_is_a_line_with_the_variable_that_names_it() -> None:
    with pytest.raises(SettingsError) as told, blamed_on("LETHE_FILE", ValueError):
        raise ValueError("first\nsecond")
    assert told.value.lines == ("LETHE_FILE first", "LETHE_FILE second")
    error = ValueError("2 problems:\nfirst\nsecond")
    error.problems = ("first", "second")  # type: ignore[attr-defined]
    with pytest.raises(SettingsError) as told, blamed_on("LETHE_FILE", ValueError):
        raise error
    assert told.value.lines == ("LETHE_FILE first", "LETHE_FILE second")
