"""Prometheus metrics of every service. No ids and nothing of a person in labels."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HttpMetrics:
    """Requests by method, route template and status; their duration by method and route."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "dsr_http_requests", "HTTP requests answered", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "dsr_http_request_seconds",
            "Time from the first byte of a request to the last of its answer",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:
            children = (self._requests.labels(method, route, str(status)), self._seconds.labels(method, route))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)


@cache
def http_metrics(registry: CollectorRegistry) -> HttpMetrics:
    """One set per registry, however many apps a process makes."""
    return HttpMetrics(registry)


@cache
def loop_lag(registry: CollectorRegistry) -> Gauge:
    return Gauge("dsr_loop_lag_seconds", "Worst delay of the event loop in the last half minute", registry=registry)


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    return generate_latest(registry)


async def watch_loop_lag(registry: CollectorRegistry = REGISTRY, *, every_s: float = 0.5, window: int = 60) -> None:
    """Background part: how late a timer of this loop fires, which is how long something blocked it."""
    gauge = loop_lag(registry)
    seen: deque[float] = deque(maxlen=window)
    while True:
        before = time.perf_counter()
        await asyncio.sleep(every_s)
        seen.append(max(0.0, time.perf_counter() - before - every_s))
        gauge.set(max(seen))
