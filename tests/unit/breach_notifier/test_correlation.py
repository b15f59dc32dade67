"""Which sets of signals are a suspicion, whatever order they come in, and how many incidents they make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breach_notifier.domain.correlation import (
    ALL_ASSETS,
    FLOOD,
    QUIET,
    Hit,
    Rule,
    Signal,
    Suppression,
    hits,
    incident_of,
    place,
)

NIGHT = datetime(2026, 10, 9, 1, 15, tzinfo=UTC)


def seen(n, rule="export.mass", seconds=0.0, **more):
    values = {"controller_id": "acme", "asset": "shop/orders", "actor": "a", **more}
    return Signal(id=UUID(int=n), rule=rule, at=NIGHT + timedelta(seconds=seconds), **values)


def burst(count=10, every=1.0, **more):
    return [seen(n, "login.failed", n * every, **more) for n in range(count)]


def success(seconds=100.0, n=1000, **more):
    return seen(n, "login.succeeded", seconds, **more)


def test_ten_failures_and_a_success_by_the_same_actor_are_a_hit_that_names_them_all():
    (hit,) = hits([*burst(), success()])
    assert (hit.rule, hit.anchor) == ("failed_then_succeeded", UUID(int=1000))
    assert len(hit.evidence) == 11
    assert hit.evidence[-1] == hit.anchor


@pytest.mark.parametrize(
    "signals",
    [
        [*burst(9), success()],
        [*burst(), success(actor="b")],
        [*burst(), success(asset="shop/users")],
        [*burst(), success(controller_id="beta")],
        [*burst(), success(seconds=-1)],
        [*burst(), success(seconds=600 + 1)],
        burst(50),
        [seen(1, "process.started", severity=4)],
    ],
    ids=["nine", "actor", "asset", "controller", "before", "too late", "no success", "harmless"],
)
def test_what_is_no_pattern_is_no_hit(signals):
    assert hits(signals) == ()


def test_the_window_is_ten_minutes_back_from_the_success_and_a_failure_at_its_instant_counts():
    assert hits([*burst(10, every=0), success(599.999)])
    assert not hits([*burst(10, every=0), success(600)])
    assert hits([*burst(10, every=0), success(0)])


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("export.mass", "mass_export"),
        ("reader.unusual", "unusual_reader"),
        ("device.lost", "device_lost"),
        ("bucket.public", "public_bucket"),
    ],
)
def test_some_signals_are_a_suspicion_by_themselves(rule, name):
    assert [h.rule for h in hits([seen(1, rule)])] == [name]


def test_whatever_its_source_calls_critical_is_a_suspicion():
    assert [h.rule for h in hits([seen(1, "x.y", severity=5), seen(2, "x.y", severity=4)])] == ["critical_finding"]


@given(st.data())
def test_order_and_repetition_of_signals_do_not_matter(data):
    signals = [*burst(12, every=7), success(90), success(300, n=1001), seen(2000, "bucket.public", 5)]
    shuffled = data.draw(st.permutations(signals + data.draw(st.lists(st.sampled_from(signals), max_size=10))))
    assert hits(shuffled) == hits(signals)


def hit(n=1, rule="mass_export", asset="shop/orders", hours=0.0):
    return Hit(rule, "acme", asset, NIGHT + timedelta(hours=hours), UUID(int=n), (UUID(int=n),))


def test_hits_of_one_rule_on_one_asset_within_a_day_are_one_incident():
    placed = place([hit(1), hit(2, hours=23.9), hit(3, hours=24.1), hit(4, rule="device_lost")], [], room=20)
    assert [p.opens for p in placed] == [True, False, True, True]
    assert placed[0].incident == placed[1].incident
    assert placed[0].incident.id == incident_of(hit(1))


def test_an_incident_that_is_open_takes_what_belongs_to_it_also_if_it_is_older():
    (first,) = place([hit(1)], [], room=1)
    (again,) = place([hit(2, hours=-1)], [first.incident], room=0)
    assert (again.incident, again.opens) == (first.incident, False)
    assert not first.incident.takes(hit(3, hours=(QUIET.total_seconds() + 1) / 3600))


def test_what_exceeds_the_bound_is_one_flood():
    placed = place([hit(n, asset=f"t/{n}") for n in range(30)], [], room=3)
    opened = [p.incident for p in placed if p.opens]
    assert len(opened) == 4
    assert (opened[-1].rule, opened[-1].asset) == (FLOOD, ALL_ASSETS)
    assert sum(p.incident == opened[-1] for p in placed) == 27


def test_a_suppression_ends_and_names_controller_rule_and_assets():
    quiet = Suppression("acme", "export.mass", "shop/*", NIGHT + timedelta(days=1), "nightly job")
    assert quiet.covers(seen(1), NIGHT)
    assert not quiet.covers(seen(1), NIGHT + timedelta(days=1))
    assert not quiet.covers(seen(1, "device.lost"), NIGHT)
    assert not quiet.covers(seen(1, asset="crm/orders"), NIGHT)
    assert not quiet.covers(seen(1, controller_id="beta"), NIGHT)


def test_a_rule_that_counts_names_what_has_to_follow():
    with pytest.raises(ValueError, match="has to follow"):
        Rule("many", frozenset({"x"}), at_least=3)
