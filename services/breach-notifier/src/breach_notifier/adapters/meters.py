"""Metrics of the cases. No ids as labels; the next target as a timestamp, so that hours left follow from it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import asyncpg

    from breach_notifier.application.batch import Batch

_STATES = ("suspected", "aware", "assessed", "notified", "settled")


class BreachMeters:
    """Implements `Meters`. One per registry: a name can be registered only once; use `meters`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._signals = Counter("breach_signals_total", "Signals taken in", ["kind"], registry=registry)
        self._hits = Counter("breach_hits_total", "Hits of the correlation rules", ["rule"], registry=registry)
        self._opened = Counter("breach_case_opened_total", "Cases opened", registry=registry)
        self._calls = Counter("breach_calls_total", "Calls of on-call", ["outcome"], registry=registry)
        self._open = Gauge("breach_case_open", "Open cases", ["state"], registry=registry)
        self._overdue = Gauge("breach_case_overdue", "Cases past 72 hours that were not notified", registry=registry)
        self._unassessed = Gauge("breach_case_unassessed", "Suspicions older than the policy allows", registry=registry)
        self._next = Gauge(
            "breach_next_due_timestamp_seconds", "The next target of a running clock; 0: none runs", registry=registry
        )
        self._untaken = Gauge("breach_calls_untaken", "Calls that were made and not taken", registry=registry)

    def signals(self, fresh: int, repeated: int, suppressed: int) -> None:
        for kind, count in (("fresh", fresh), ("repeated", repeated), ("suppressed", suppressed)):
            self._signals.labels(kind).inc(count)

    def hits(self, rules: Iterable[str]) -> None:
        for rule in rules:
            self._hits.labels(rule).inc()

    def called(self, outcome: str) -> None:
        self._calls.labels(outcome).inc()

    def saved(self, batch: Batch) -> None:
        self._opened.inc(sum(e.stored is None and e.case is not None for e in batch.entries.values()))

    def counted(self, rows: Sequence[asyncpg.Record], untaken: int) -> None:
        by_state = {row["state"]: row for row in rows}
        for state in _STATES:
            self._open.labels(state).set(by_state[state]["cases"] if state in by_state else 0)
        self._overdue.set(sum(row["overdue"] for row in rows))
        self._unassessed.set(sum(row["unassessed"] for row in rows))
        due = [row["next_due"].timestamp() for row in rows if row["next_due"] is not None]
        self._next.set(min(due, default=0))
        self._untaken.set(untaken)


@cache
def meters(registry: CollectorRegistry = REGISTRY) -> BreachMeters:
    """The same for each call: a name can be registered once."""
    return BreachMeters(registry)
