"""The bus of one process."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lethe_messaging.settings import Tuning

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from lethe_events.topics import Topic
    from lethe_postgres import Database
    from prometheus_client import CollectorRegistry

    from lethe_messaging.messages import Handler
    from lethe_messaging.settings import KafkaSettings
    from lethe_messaging.work import Work


class Bus:
    """Consumes, publishes and relays for one service. One per process."""

    def __init__(
        self,
        database: Database,
        settings: KafkaSettings,
        *,
        service: str,
        tuning: Tuning | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self.instance_id: uuid.UUID
        raise NotImplementedError

    async def start(self) -> None:
        """Join the instances of this service and open the publisher. Raises if PostgreSQL cannot be reached."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Finish the transactions under way, publish what is committed, give up the leases. May be called twice."""
        raise NotImplementedError

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """One transaction for HTTP, timers and runners; what it sends is published right after commit."""
        raise NotImplementedError
        yield

    async def consume(self, subscriptions: Mapping[Topic, Handler]) -> None:
        """Own a fair share of the partitions and feed their handlers, until cancelled or stopped."""
        raise NotImplementedError

    async def relay(self) -> None:
        """Publish what writers left behind, if this instance is the leader; until cancelled or stopped."""
        raise NotImplementedError

    def health(self) -> Mapping[str, object]:
        """Facts for readiness: `ok` and, per part, its state, reason and since when."""
        raise NotImplementedError

    async def dead_instances(self) -> frozenset[uuid.UUID]:
        """Instances of this schema that are surely gone: what they claimed can be taken over at once."""
        raise NotImplementedError
