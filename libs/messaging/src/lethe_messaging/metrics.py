"""Metrics of messaging. No ids as labels; oldest timestamps instead of ages, so that PromQL subtracts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_made: WeakKeyDictionary[CollectorRegistry, Metrics] = WeakKeyDictionary()


class Metrics:
    """The metrics of one registry; several buses of one process share them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.parked = Gauge("dsr_parked_messages", "Parked messages that wait", ["topic", "class"], registry=r)
        self.outbox_rows = Gauge("dsr_outbox_rows", "Units of work not yet published", registry=r)
        self.outbox_oldest = Gauge(
            "dsr_outbox_oldest_timestamp_seconds", "When the oldest of them was written; 0 if none", registry=r
        )
        self.publish_seconds = Histogram(
            "dsr_outbox_publish_seconds",
            "From commit to the broker's acknowledgement",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
            registry=r,
        )
        self.published = Counter("dsr_messages_published_total", "Records the broker has", ["topic"], registry=r)
        self.handled = Counter("dsr_messages_handled_total", "Records handled and stored", ["topic"], registry=r)
        self.lag = Gauge("dsr_consumer_lag", "Records not yet handled", ["topic", "partition"], registry=r)
        self.lag_seconds = Gauge("dsr_consumer_lag_seconds", "Age of the oldest fetched record", ["topic"], registry=r)
        self.rebalances = Counter("dsr_consumer_rebalances_total", "Changes of the slots owned", registry=r)
        self.restarts = Counter("dsr_consumer_restarts_total", "Clients made anew", ["reason"], registry=r)
        self.progress = Gauge(
            "dsr_consumer_last_progress_timestamp_seconds", "When a batch was last stored", registry=r
        )
        self.stopped = Gauge("dsr_consumer_stopped_partitions", "Partitions that wait for a person", registry=r)
        self.fenced = Counter("dsr_fenced_total", "Batches refused because another instance owns", registry=r)
        self.retries = Counter("dsr_batch_retries_total", "Batches that failed", ["topic", "class"], registry=r)
        self.relayed = Counter("dsr_outbox_relayed_total", "Chunks published by the relay", registry=r)


def metrics_of(registry: CollectorRegistry | None) -> Metrics:
    """The metrics of `registry` (None: the default one), made at first use."""
    target = REGISTRY if registry is None else registry
    if target not in _made:
        _made[target] = Metrics(target)
    return _made[target]
