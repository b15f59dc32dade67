"""What a runner shows. Base units; no ids as labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class RunnerMetrics:
    """One per process and registry: a name can be registered only once."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.attempts = Counter(
            "dsr_task_attempts",
            "Answers of processors; `retry` is a transient failure that is tried again here",
            ["processor", "result"],
            registry=registry,
        )
        self.oldest_pending = Gauge(
            "dsr_task_oldest_pending_timestamp_seconds",
            "When the oldest open task of a processor was accepted; 0: none is open",
            ["processor"],
            registry=registry,
        )
