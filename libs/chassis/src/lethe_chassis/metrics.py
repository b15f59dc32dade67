"""Prometheus metrics of every service. No ids and nothing of a person in labels."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import deque
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = ("method", "route", "status")
_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HttpMetrics(Collector):
    """Requests by method, route template and status; their duration by method and route.

    Counted in plain lists and put into families when somebody looks: the library's own counters lock several times
    per request. Used from the event loop only.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._statuses: dict[tuple[str, str, int], int] = {}
        self._durations: dict[tuple[str, str], list[float]] = {}
        registry.register(self)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        self._statuses[key] = self._statuses.get(key, 0) + 1
        cells = self._durations.get((method, route))
        if cells is None:
            cells = self._durations[method, route] = [0.0] * (len(_BUCKETS) + 2)
        cells[bisect_left(_BUCKETS, seconds)] += 1
        cells[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("dsr_http_requests", "HTTP requests answered", labels=_LABELS)
        for (method, route, status), count in self._statuses.items():
            requests.add_metric((method, route, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "dsr_http_request_seconds", "Time from the head of a request to the end of its answer", labels=_LABELS[:2]
        )
        for (method, route), cells in self._durations.items():
            bounds = [*map(str, _BUCKETS), "+Inf"]
            seconds.add_metric((method, route), list(zip(bounds, accumulate(cells[:-1]), strict=True)), cells[-1])
        yield seconds


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
