"""The one module that sees adapters and application together."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import structlog
from prometheus_client import REGISTRY

from breach_notifier.adapters.calls import PostgresCalls, Webhooks
from breach_notifier.adapters.meters import meters
from breach_notifier.adapters.policy import read_policy
from breach_notifier.adapters.reading import PostgresReading
from breach_notifier.adapters.signals import PostgresSignals
from breach_notifier.adapters.store import PACKAGE, PostgresCases
from breach_notifier.application.acts import Acts
from breach_notifier.application.calls import Calls
from breach_notifier.application.office import Office
from breach_notifier.application.signals import Purge, Signals
from breach_notifier.application.take import Reports
from breach_notifier.application.timers import Timers
from breach_notifier.application.topics import Topics
from breach_notifier.entrypoints.http import build_app
from breach_notifier.entrypoints.loops import handlers, keep_stepping
from breach_notifier.entrypoints.parts import Parts
from lethe_chassis import HealthChecks, Service, SettingsError, TokenVerifier, Unhealthy, engine_is_down
from lethe_messaging import (
    Bus,
    BusFailed,
    KafkaSettings,
    Operations,
    TopicMismatch,
    Tuning,
    ensure_topics,
    migrate_messaging,
)
from lethe_postgres import Database, is_transient, migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from breach_notifier.adapters.calls import Receiver
    from breach_notifier.domain.policy import Policy
    from breach_notifier.settings import Settings

NAME = "breach_notifier"
_PAUSE_S = 2.0
_COUNT_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class _Engines:
    """What was opened."""

    policy: Policy
    receivers: Mapping[str, Receiver]
    auth: TokenVerifier
    database: Database
    kafka: KafkaSettings
    bus: Bus
    client: httpx.AsyncClient


@asynccontextmanager
async def bootstrap(settings: Settings, topics: Topics | None = None) -> AsyncIterator[Service]:
    """Open everything, wire it, and close it on leaving. Raises SettingsError for files that cannot be used."""
    policy, receivers = _policy(settings)
    auth = _auth(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(auth.close)
        database = await Database.connect(
            settings.postgres,
            schema=NAME,
            min_size=1,
            max_size=settings.connections,
            application_name="lethe-breach-notifier",
        )
        stack.push_async_callback(database.close)
        await migrate(database, PACKAGE)
        await migrate_messaging(database)
        client = await stack.enter_async_context(httpx.AsyncClient())
        kafka = KafkaSettings(settings.kafka)
        bus = Bus(database, kafka, service=NAME, tuning=Tuning(parked_retention=settings.parked_retention_s))
        await bus.start()
        stack.push_async_callback(bus.stop)
        yield _wire(settings, topics or Topics(), _Engines(policy, receivers, auth, database, kafka, bus, client))


def _wire(settings: Settings, topics: Topics, engines: _Engines) -> Service:
    database, bus, counted = engines.database, engines.bus, meters()
    office = Office(PostgresCases(database), engines.policy, topics, counted)
    stored = PostgresSignals(database)
    reports, signals = Reports(office), Signals(office, stored)
    timers = Timers(office, bus)
    calls = Calls(PostgresCalls(database), Webhooks(engines.receivers, engines.client), counted)
    purge = Purge(stored, settings.signal_retention)
    reading = PostgresReading(database, engines.policy)
    parts = Parts(reading, Acts(office, bus), Operations(database, bus))
    start = Start(engines.kafka, topics, settings.partitions)
    app = build_app(
        lambda: parts, auth=engines.auth, health=_health(engines, start), unavailable=unavailable, registry=REGISTRY
    )

    async def count() -> float:
        counted.counted(*await reading.counts())
        return _COUNT_EVERY_S

    async def consume() -> None:
        await start.insist()
        await bus.consume(handlers(reports, signals, topics))

    background: Mapping[str, Callable[[], Awaitable[None]]] = {
        "consume": consume,
        "relay": bus.relay,
        "timers": lambda: keep_stepping("timers", timers.step),
        "calls": lambda: keep_stepping("calls", calls.step),
        "purge": lambda: keep_stepping("purge", purge.step),
        "count": lambda: keep_stepping("count", count),
    }
    return Service(app, settings.http, background, bus.stop)


class Start:
    """What has to be there before the first message is taken: the topics.

    Brokers may be away: the API answers and timers fire meanwhile, and the start is tried again until they are back.
    """

    def __init__(self, kafka: KafkaSettings, topics: Topics, partitions: int) -> None:
        self._kafka = kafka
        self._topics = topics
        self._partitions = partitions
        self.done = asyncio.Event()

    async def insist(self) -> None:
        """Raises TopicMismatch, which a person has to mend."""
        while not self.done.is_set():
            try:
                await ensure_topics(self._kafka, self._topics.every, self._partitions)
            except TopicMismatch:
                raise
            except Exception as error:  # noqa: BLE001 - whatever keeps the brokers from answering
                structlog.get_logger(__name__).warning("the brokers do not answer yet", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
            else:
                self.done.set()


def unavailable(error: BaseException) -> bool:
    """Whether an engine is down, so that the same call may succeed later."""
    return engine_is_down(error) or is_transient(error) or isinstance(error, BusFailed)


def _health(engines: _Engines, start: Start) -> HealthChecks:
    async def postgres() -> Mapping[str, object]:
        await engines.database.fetchval("SELECT 1")
        return {"connections": engines.database.pool.get_size()}

    def bus() -> Mapping[str, object]:
        facts = engines.bus.health()
        if not facts["ok"]:
            raise Unhealthy(f"in trouble: {facts['trouble']}")
        return {key: facts[key] for key in ("consumer", "publisher", "outbox")}

    def started() -> Mapping[str, object]:
        if not start.done.is_set():
            raise Unhealthy("waits for the brokers: topics are not there yet")
        return {}

    health = HealthChecks()
    health.add("postgres", postgres)
    health.add("bus", bus)
    health.add("start", started)
    health.add("tokens", engines.auth.check)
    return health


def _policy(settings: Settings) -> tuple[Policy, Mapping[str, Receiver]]:
    try:
        return read_policy(settings.controllers, settings.policy)
    except ValueError as error:
        raise SettingsError([f"LETHE_BREACH_POLICY {line}" for line in str(error).splitlines()]) from None


def _auth(settings: Settings) -> TokenVerifier:
    try:
        return TokenVerifier(settings.auth)
    except ValueError as error:
        raise SettingsError([f"LETHE_AUTH_PUBLIC_KEY {error}"]) from None
