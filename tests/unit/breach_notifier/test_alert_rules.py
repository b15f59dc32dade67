"""Each alert rule is about a metric that is there, fires when it should, and is silent otherwise."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge

from breach_notifier.adapters.meters import BreachMeters

RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((Path(__file__).parents[3] / "deploy/alerts/breach.yaml").read_text())["groups"]
    for rule in group["rules"]
}


def value(rule: str, registry: CollectorRegistry) -> bool:
    """A rule's expression for one instance: names and sums become numbers; the rest of it is Python as well."""
    text = RULES[rule]["expr"].replace("time()", str(time.time()))

    def summed(found: re.Match[str]) -> str:
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', found["labels"]))
        samples = [s for m in registry.collect() for s in m.samples if s.name == found["name"]]
        over = {"sum": sum, "max": max}[found["over"]]
        return str(over(s.value for s in samples if wanted.items() <= s.labels.items()))

    def named(found: re.Match[str]) -> str:
        known = registry.get_sample_value(found[0])
        assert known is not None, f"no metric is called {found[0]}"
        return str(known)

    text = re.sub(r"(?P<over>sum|max)\((?P<name>\w+)\{(?P<labels>[^}]*)\}\)", summed, text)
    return bool(eval(re.sub(r"breach_\w+", named, text), {}))


def of(state="aware", cases=1, overdue=0, unassessed=0, hours=None):
    due = None if hours is None else datetime.now(UTC) + timedelta(hours=hours)
    return {"state": state, "cases": cases, "overdue": overdue, "unassessed": unassessed, "next_due": due}


@pytest.mark.parametrize(
    ("rule", "fires", "quiet"),
    [
        ("BreachDeadlineNear", ([of(hours=11)], 0), ([of(hours=13)], 0)),
        ("BreachDeadlineNear", ([of(hours=-1, overdue=1)], 0), ([], 0)),
        ("BreachOverdue", ([of(hours=-1, overdue=1)], 0), ([of(hours=1)], 0)),
        ("BreachUnassessed", ([of("suspected", unassessed=1)], 0), ([of("suspected")], 0)),
        ("BreachCallsUntaken", ([], 1), ([], 0)),
    ],
)
def test_a_rule_about_cases_fires_and_falls_silent(rule, fires, quiet):
    registry = CollectorRegistry()
    meters = BreachMeters(registry)
    meters.counted(*fires)
    assert value(rule, registry)
    meters.counted(*quiet)
    assert not value(rule, registry)


def test_the_rule_about_lag_is_about_signals_alone():
    registry = CollectorRegistry()
    lag = Gauge("dsr_consumer_lag", "Records not yet handled", ["topic", "partition"], registry=registry)
    lag.labels("dsr.acks", "0").set(10**6)
    assert not value("BreachSignalsBehind", registry)
    for partition in "01":
        lag.labels("breach.signals", partition).set(60_000)
    assert value("BreachSignalsBehind", registry)


def test_signals_that_are_looked_at_late_are_told_however_few_they_are():
    registry = CollectorRegistry()
    age = Gauge("dsr_consumer_lag_seconds", "Age of the oldest fetched record", ["topic"], registry=registry)
    age.labels("breach.reports").set(600)
    age.labels("breach.signals").set(59)
    assert not value("BreachSignalsLate", registry)
    age.labels("breach.signals").set(61)
    assert value("BreachSignalsLate", registry)


def test_every_rule_says_what_to_do():
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in RULES.values())
