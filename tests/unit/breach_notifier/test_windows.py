"""Reading disjoint windows finds at least what reading one window per signal would find."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from breach_notifier.domain.correlation import RULES, Signal
from breach_notifier.domain.windows import ahead, behind, moments

NIGHT = datetime(2026, 10, 9, 1, 15, tzinfo=UTC)
(BURST,) = (rule for rule in RULES if rule.then)
MOST = 3
seconds = st.lists(st.integers(0, 2000), max_size=12)


def at(second):
    return NIGHT + timedelta(seconds=second)


def signals(rule, times, actor="a"):
    return [Signal(UUID(int=n), "acme", "shop/login", actor, rule, at(t)) for n, t in enumerate(times)]


def test_moments_are_per_group_in_order_and_once():
    found = moments([*signals("login.failed", [5, 1, 5]), *signals("login.failed", [2], "b")], {"login.failed"})
    assert found == {
        ("acme", "shop/login", "a"): [at(1), at(5)],
        ("acme", "shop/login", "b"): [at(2)],
    }
    assert moments(signals("login.succeeded", [1]), {"login.failed"}) == {}


@given(parts=seconds, stored=seconds)
def test_the_ends_after_each_part_are_found(parts, stored):
    windows = ahead(BURST, moments(signals("login.failed", parts), BURST.signals))
    read = [t for w in windows for t in sorted(at(s) for s in set(stored) if w.since <= at(s) < w.until)[:MOST]]
    assert len(read) == len(set(read)), "no window overlaps another"
    assert {w.rule for w in windows} <= {"login.succeeded"}
    for part in parts:
        span = [t for t in sorted(map(at, set(stored))) if at(part) <= t < at(part) + BURST.within]
        assert set(span[:MOST]) <= set(read)


@given(ends=seconds, stored=seconds)
def test_the_newest_parts_before_each_end_are_found(ends, stored):
    windows = behind(BURST, moments(signals("login.succeeded", ends), {BURST.then}))
    read = [
        t
        for w in windows
        for t in sorted((at(s) for s in set(stored) if w.since < at(s) <= w.until), reverse=True)[:MOST]
    ]
    assert len(read) == len(set(read)), "no window overlaps another"
    for end in ends:
        span = [t for t in sorted(map(at, set(stored))) if at(end) - BURST.within < t <= at(end)]
        assert set(span[-MOST:]) <= set(read)
