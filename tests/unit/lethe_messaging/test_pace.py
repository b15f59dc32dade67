"""When records gather at the broker."""

from __future__ import annotations

from lethe_messaging.pace import OFTEN, Pace


def test_the_first_message_and_one_after_a_pause_are_fetched_at_once() -> None:
    pace = Pace()
    assert not pace.many(0.0, arrived=True)
    assert not pace.many(OFTEN, arrived=True)


def test_messages_that_follow_each_other_gather() -> None:
    pace = Pace()
    pace.many(0.0, arrived=True)
    assert pace.many(OFTEN / 2, arrived=True)
    assert pace.many(OFTEN, arrived=True)


def test_a_pause_ends_the_gathering_without_a_message() -> None:
    pace = Pace()
    pace.many(0.0, arrived=True)
    pace.many(0.1, arrived=True)
    assert not pace.many(2 * OFTEN, arrived=False)
