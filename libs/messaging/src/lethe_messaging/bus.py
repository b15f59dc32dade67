"""The bus of one process: puts the parts together and keeps them alive."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from asyncpg import UndefinedTableError

from lethe_events.ids import uuid7
from lethe_messaging.consumption import Consumption
from lethe_messaging.errors import BusFailed
from lethe_messaging.guard import essential
from lethe_messaging.handling import Handling
from lethe_messaging.logs import calm_aiokafka
from lethe_messaging.lookout import Lookout, newcomer
from lethe_messaging.membership import Membership
from lethe_messaging.metrics import metrics_of
from lethe_messaging.monitor import Monitor
from lethe_messaging.outbox import Outbox, sql
from lethe_messaging.producer import Producer
from lethe_messaging.publisher import Publisher
from lethe_messaging.relay import Relay
from lethe_messaging.settings import Tuning
from lethe_messaging.works import Works

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping
    from uuid import UUID

    from prometheus_client import CollectorRegistry

    from lethe_events.topics import Topic
    from lethe_messaging.handler import Handler
    from lethe_messaging.settings import KafkaSettings
    from lethe_messaging.work import Work
    from lethe_postgres import Database

log = logging.getLogger(__name__)

_STALLED = 5.0  # seconds without an acknowledgement, after which the brokers are taken to be away


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
        self.instance_id: UUID = uuid7(datetime.now(UTC), os.urandom(10))
        self._database = database
        self._settings = settings
        self._tuning = tuning or Tuning()
        self._metrics = metrics_of(registry)
        self._membership = Membership(database, self.instance_id, service, self._tuning)
        self._outbox = Outbox(database, self.instance_id)
        self._producer = Producer(settings)
        self._relay_producer = Producer(settings)
        self._publisher = Publisher(self._producer, self._outbox, self._tuning, self._metrics)
        self._works = Works(database, self._outbox, self._publisher)
        self._monitor = Monitor(database, self._outbox, self._tuning, self._metrics)
        self._lookout = Lookout(self._clients, newcomer(settings))
        self._consumption: Consumption | None = None
        self._background: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._over = asyncio.Event()
        self._failure: BaseException | None = None
        self._running: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Join the instances of this service and open the publisher. Raises if PostgreSQL cannot be reached.

        Brokers may be away: work is accepted, and published when they are back.
        """
        calm_aiokafka()
        try:
            await self._membership.join()
        except UndefinedTableError as error:
            raise BusFailed("the tables of messaging are missing: await migrate_messaging(database) first") from error
        # the one task outside a TaskGroup: it holds one, is awaited by `stop`, and its failure ends everything else
        self._background = asyncio.get_running_loop().create_task(self._keep_alive(), name="lethe-bus")

    async def stop(self) -> None:
        """Finish the transactions under way, publish what is committed, give up the leases. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        deadline = time.monotonic() + self._tuning.stop_grace
        if self._consumption is not None:
            self._consumption.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._tuning.stop_grace):
                await self._idle.wait()
        if self._background is not None:
            if not self._background.done() and not await self._publisher.drain(max(0.5, deadline - time.monotonic())):
                log.warning("not all was published; the relay of another instance does it")
            self._background.cancel()
            with suppress(asyncio.CancelledError):
                await self._background
        await self._producer.close()
        await self._relay_producer.close()
        await self._membership.leave()

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """One transaction for HTTP, timers and runners; what it sends is published right after commit.

        Raises BusFailed if the bus is not running, and what the database raises; CommitUnknown means that the work
        may be stored, in which case what it sends is published by the relay.
        """
        self._check()
        async with self._works.open("work") as work:
            yield work

    async def consume(self, subscriptions: Mapping[Topic, Handler]) -> None:
        """Own a fair share of the partitions and feed their handlers, until cancelled or stopped.

        Partition n of all these topics has one owner, and batches of one slot never overlap: handlers of topics
        keyed by saga need no lock against each other. Raises TopicMismatch, BusFailed.
        """
        if self._consumption is not None:
            raise BusFailed("this bus consumes already: give all subscriptions in one call")
        handlers = {topic.name: handler for topic, handler in subscriptions.items()}
        handling = Handling(self._database, self._works, handlers, self._tuning)
        self._consumption = Consumption(
            database=self._database,
            settings=self._settings,
            membership=self._membership,
            handling=handling,
            topics=list(handlers),
            tuning=self._tuning,
            metrics=self._metrics,
        )
        if self._stopping.is_set():
            return
        await self._run("consume", self._consumption.run(), stops_itself=True)

    async def relay(self) -> None:
        """Publish what writers left behind, if this instance is the leader; until cancelled or stopped."""
        relay = Relay(
            self._relay_producer,
            self._outbox,
            self._tuning,
            self._metrics,
            leads=lambda: self._membership.leads,
            held=lambda: self._publisher.held,
        )
        self._membership.wants_to_lead = True
        try:
            await self._run("relay", relay.run(), stops_itself=False)
        finally:
            self._membership.wants_to_lead = False

    def health(self) -> Mapping[str, object]:
        """Facts for readiness: `ok`, and per part what is wrong with it (`trouble`: None if nothing)."""
        consumer = None if self._consumption is None else self._consumption.facts()
        troubles = {
            "bus": None if self._failure is None else type(self._failure).__name__,
            "postgres": self._membership.trouble,
            "kafka": self._kafka_trouble(),
            "consumer": None if consumer is None else consumer["trouble"],
            "stopped_partitions": None if consumer is None or not consumer["stopped"] else "a person has to decide",
        }
        return {
            "ok": not any(troubles.values()) and self._background is not None,
            "trouble": {part: trouble for part, trouble in troubles.items() if trouble is not None},
            "instance_id": str(self.instance_id),
            "leads_relay": self._membership.leads,
            "consumer": consumer,
            "publisher": {"waiting": self._publisher.waiting},
            "outbox": self._monitor.facts(),
        }

    def stopped(self) -> Mapping[tuple[str, int], str]:
        """Partitions of this instance that wait for a person, and why."""
        return {} if self._consumption is None else self._consumption.stopped()

    async def dead_instances(self) -> frozenset[UUID]:
        """Instances of this schema that are surely gone: what they claimed can be taken over at once.

        A frozen one is not among them: its claims have to run out.
        """
        rows = await self._database.fetch(sql()["dead_instances"], self.instance_id)
        return frozenset(row["instance_id"] for row in rows)

    def _kafka_trouble(self) -> str | None:
        if self._publisher.stalled > _STALLED:
            return self._producer.failure or f"no acknowledgement for {self._publisher.stalled:.0f} s"
        return self._producer.failure if self._publisher.waiting else None

    def _clients(self) -> list[Any]:
        """Those of Kafka that are in use now."""
        reader = None if self._consumption is None else self._consumption.reading.reader
        found = [self._producer.client, self._relay_producer.client, None if reader is None else reader.client]
        return [client for client in found if client is not None]

    async def _keep_alive(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(essential(self._membership.run()))
                group.create_task(essential(self._publisher.run()))
                group.create_task(essential(self._monitor.run()))
                group.create_task(essential(self._lookout.run()))
        except Exception as error:  # told to whoever uses the bus, by `_check`
            self._failure = _first_of(error)
            log.exception("a part of the bus died")
        finally:
            self._over.set()

    async def _run(self, name: str, work: Coroutine[None, None, None], *, stops_itself: bool) -> None:
        """Run `work` until it ends, the bus stops or the bus dies."""
        try:
            self._check()
        except BusFailed:
            work.close()
            raise
        self._running.add(name)
        self._idle.clear()
        try:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(essential(work), name=f"lethe-{name}")
                ending = group.create_task(self._over.wait() if stops_itself else self._stopping.wait())
                await asyncio.wait([task, ending], return_when=asyncio.FIRST_COMPLETED)
                task.cancel()
                ending.cancel()
        except BaseExceptionGroup as errors:
            raise _first_of(errors) from None
        finally:
            self._running.discard(name)
            if not self._running:
                self._idle.set()
        if not self._stopping.is_set():
            self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise BusFailed(f"a part of the bus died: {type(self._failure).__name__}") from self._failure
        if self._background is None:
            raise BusFailed("the bus is not started: await bus.start() first")


def _first_of(error: BaseException) -> BaseException:
    """The error that brought the others about: callers catch it by its type."""
    first = error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
