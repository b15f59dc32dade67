"""Metrics of intake. No ids as labels."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from intake.domain.overload import RETRY_AFTER

if TYPE_CHECKING:
    from intake.domain.overload import Load

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class PrometheusMeters:
    """Implements `application.ports.Meters`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._accepted = Counter("dsr_intake_accepted", "DSRs accepted", ("right", "channel"), registry=registry)
        self._accepted_by: dict[tuple[str, str], Counter] = {}
        self._refused = Counter("dsr_intake_refused", "Requests refused", ("reason",), registry=registry)
        self._duplicates = Counter("dsr_intake_replayed", "Requests sent again and answered alike", registry=registry)
        self._repeats = Counter("dsr_intake_repeats", "Requests that repeat another", ("pattern",), registry=registry)
        self._size = Histogram("dsr_intake_group_size", "Requests per transaction", buckets=_SIZES, registry=registry)
        self._seconds = Histogram("dsr_intake_commit_seconds", "Time of one group's transaction", registry=registry)
        self._refusing = Gauge("dsr_intake_refusing", "1 while requests are refused", ("reason",), registry=registry)
        self._slowest = Gauge(
            "dsr_intake_slowest_transaction_seconds", "Of those under way or just ended", registry=registry
        )
        self._statuses = Counter("dsr_intake_statuses", "Statuses seen", ("result",), registry=registry)

    def accepted(self, right: str, channel: str) -> None:
        child = self._accepted_by.get((right, channel))
        if child is None:
            child = self._accepted_by[right, channel] = self._accepted.labels(right, channel)
        child.inc()

    def replayed(self) -> None:
        self._duplicates.inc()

    def refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    def repeated(self, pattern: str) -> None:
        self._repeats.labels(pattern).inc()

    def gate(self, reason: str | None, load: Load) -> None:
        self._slowest.set(load.slowest_s)
        for known in RETRY_AFTER:
            self._refusing.labels(known).set(known == reason)

    def group(self, size: int, seconds: float) -> None:
        self._size.observe(size)
        self._seconds.observe(seconds)

    def told(self, applied: int, stale: int) -> None:
        self._statuses.labels("applied").inc(applied)
        self._statuses.labels("stale").inc(stale)


@cache
def meters(registry: CollectorRegistry = REGISTRY) -> PrometheusMeters:
    """One set per registry."""
    return PrometheusMeters(registry)
