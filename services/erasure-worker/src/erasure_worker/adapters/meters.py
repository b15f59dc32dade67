"""Metrics of the erasure worker, beside those of its runners. No ids as labels."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter


class CallbackMeters:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._calls = Counter(
            "dsr_vendor_callbacks",
            "Calls of vendors: what was said of a job, or why the call was not believed",
            ["processor", "result"],
            registry=registry,
        )

    def called(self, processor_id: str, result: str) -> None:
        self._calls.labels(processor_id, result).inc()
