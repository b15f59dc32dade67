"""Metrics of the sagas. No ids as labels; oldest and next timestamps instead of ages."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from orchestrator.application.batch import Batch
    from orchestrator.domain.decision import Disposition

_DAY = 86_400
_STATES = ("received", "fulfilling", "verifying", "answered")


class SagaMeters:
    """Implements `Meters`. One per registry: a name can be registered only once; use `meters`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._acks = Counter("dsr_acks_total", "Acknowledgements taken in", ["disposition"], registry=registry)
        self._opened = Counter("dsr_saga_opened_total", "Sagas opened", ["right"], registry=registry)
        self._closed = Counter("dsr_saga_closed_total", "Sagas closed", ["right"], registry=registry)
        self._duration = Histogram(
            "dsr_saga_duration_seconds",
            "From acceptance to closing",
            buckets=(1, 5, 30, 300, 3600, _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 60 * _DAY, 90 * _DAY),
            registry=registry,
        )
        self._lateness = Histogram(
            "dsr_timer_lateness_seconds",
            "How late a moment fired",
            buckets=(0.1, 0.5, 1, 2, 5, 30, 300, 3600, _DAY),
            registry=registry,
        )
        self._incidents = Counter("dsr_incident_opened_total", "Incidents opened", ["code"], registry=registry)
        self._escalated = Counter("dsr_escalations_total", "Rungs of ladders that rang", ["calls"], registry=registry)
        self._open = Gauge("dsr_saga_open", "Open sagas", ["state"], registry=registry)
        self._overdue = Gauge("dsr_saga_overdue", "Open sagas past their strict date", ["state"], registry=registry)
        self._next = Gauge(
            "dsr_saga_next_due_timestamp_seconds",
            "Earliest strict date of an open saga; 0: none",
            registry=registry,
        )

    def ack(self, disposition: Disposition) -> None:
        self._acks.labels(disposition.value).inc()

    def escalated(self, calls: str) -> None:
        self._escalated.labels(calls).inc()

    def saved(self, batch: Batch) -> None:
        """After the commit: what is counted was stored."""
        for entry in batch.entries.values():
            saga = entry.saga
            if saga is None or not entry.dirty:
                continue
            if entry.stored is None:
                self._opened.labels(saga.right.value).inc()
            if saga.closed_at == batch.now:
                self._closed.labels(saga.right.value).inc()
                self._duration.observe((batch.now - saga.accepted_at).total_seconds())
        for incident in batch.incidents:
            self._incidents.labels(incident.code).inc()

    def fired(self, lateness_s: float) -> None:
        self._lateness.observe(lateness_s)

    def counted(self, rows: Sequence[asyncpg.Record]) -> None:
        """Open sagas as the database has them."""
        found = {row["state"]: row for row in rows}
        for state in _STATES:
            row = found.get(state)
            self._open.labels(state).set(0 if row is None else row["sagas"])
            self._overdue.labels(state).set(0 if row is None else row["overdue"])
        self._next.set(min((row["next_due"].timestamp() for row in rows), default=0))


@cache
def meters(registry: CollectorRegistry = REGISTRY) -> SagaMeters:
    """One set per registry."""
    return SagaMeters(registry)
