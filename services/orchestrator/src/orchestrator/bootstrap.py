"""The one module that sees adapters and application together."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import httpx
import structlog
from prometheus_client import REGISTRY

from lethe_chassis import (
    Service,
    SettingsError,
    Start,
    TokenVerifier,
    blamed_on,
    health_of,
    unavailable_if,
    verifier_of,
)
from lethe_law import load_calendars
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
from lethe_postgres import Database, migrate
from lethe_processors.register import RegisterError
from lethe_vault import FileKeys, KeyFileRefused, Vault
from orchestrator.adapters.calls import PostgresCalls, Webhooks
from orchestrator.adapters.consents import PostgresConsents
from orchestrator.adapters.correspondents import correspondents
from orchestrator.adapters.escalation_policy import EscalationRefused, read_escalation
from orchestrator.adapters.holds import PostgresHolds
from orchestrator.adapters.meters import meters
from orchestrator.adapters.open_sagas import OpenSagas
from orchestrator.adapters.proofs import PostgresProofs
from orchestrator.adapters.reading import PostgresReading
from orchestrator.adapters.registers import FileRegister, KafkaTopics, PostgresRegisters, view_of
from orchestrator.adapters.seals import PostgresSeals
from orchestrator.adapters.signing import Ed25519Signer, publish_key
from orchestrator.adapters.store import PACKAGE, PostgresSagas, Shelf
from orchestrator.application.acts import Acts
from orchestrator.application.calling import Calling
from orchestrator.application.consents import Consents
from orchestrator.application.correspondence import Correspondence
from orchestrator.application.decision_acts import DecisionActs
from orchestrator.application.hold_keeping import HoldKeeping
from orchestrator.application.messages import Messages
from orchestrator.application.office import Office
from orchestrator.application.registers import RegisterKeeping
from orchestrator.application.request_acts import RequestActs
from orchestrator.application.resuming import Resuming
from orchestrator.application.sealing import Sealing
from orchestrator.application.take import Take
from orchestrator.application.timers import Timers
from orchestrator.application.topics import Topics
from orchestrator.domain.errors import RegisterRefused
from orchestrator.entrypoints.http import build_app
from orchestrator.entrypoints.loops import fire_timers, handlers, keep_stepping
from orchestrator.entrypoints.parts import Parts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from lethe_events.topics import Topic
    from lethe_messaging import Handler
    from orchestrator.adapters.escalation_policy import Receiver
    from orchestrator.adapters.meters import SagaMeters
    from orchestrator.domain.escalation import Ladders
    from orchestrator.settings import Settings

NAME = "orchestrator"
_VAULT_CONNECTIONS = 4
_COUNT_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Engines:
    """What was opened."""

    files: FileRegister
    signer: Ed25519Signer
    keys: FileKeys
    auth: TokenVerifier
    database: Database
    vault_database: Database
    """A pool of its own: batches that hold all connections of the other one must not wait for each other's vault."""
    kafka: KafkaSettings
    bus: Bus
    client: httpx.AsyncClient
    escalation: tuple[Ladders, tuple[Receiver, ...]]


@asynccontextmanager
async def bootstrap(settings: Settings, topics: Topics | None = None) -> AsyncIterator[Service]:
    """Open everything, wire it, and close it on leaving. Raises SettingsError for files that cannot be used."""
    files, escalation = _register(settings), _escalation(settings)
    signer, keys, auth = _signer(settings), _keys(settings), verifier_of(settings.auth)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(auth.close)
        database = await _database(stack, settings, NAME, settings.connections)
        vault_database = await _database(stack, settings, f"{NAME}-vault", _VAULT_CONNECTIONS)
        await migrate(database, PACKAGE)
        await migrate_messaging(database)
        await publish_key(database, signer)
        kafka = KafkaSettings(settings.kafka)
        bus = Bus(database, kafka, service=NAME, tuning=_tuning(settings))
        await bus.start()
        stack.push_async_callback(bus.stop)
        client = await stack.enter_async_context(httpx.AsyncClient())
        engines = _Engines(files, signer, keys, auth, database, vault_database, kafka, bus, client, escalation)
        yield _wire(settings, topics or Topics(), engines)


async def _database(stack: AsyncExitStack, settings: Settings, name: str, connections: int) -> Database:
    database = await Database.connect(
        settings.postgres, schema=NAME, min_size=1, max_size=connections, application_name=f"lethe-{name}"
    )
    stack.push_async_callback(database.close)
    return database


def _tuning(settings: Settings) -> Tuning:
    """A saga passes here three times, so every wait counts thrice; what gathers at the broker is enough."""
    return Tuning(window_max=0.02, parked_retention=settings.parked_retention_s)


def _wire(settings: Settings, topics: Topics, engines: _Engines) -> Service:
    database, bus = engines.database, engines.bus
    registers, counted, held = PostgresRegisters(), meters(), PostgresHolds(database)
    ladders, receivers = engines.escalation
    calls = PostgresCalls(database, receivers)
    calling = Calling(calls, Webhooks(engines.client, {r.name: r for r in receivers}))
    vault = Vault(engines.vault_database, engines.keys, redeemer=NAME)
    store = PostgresSagas(database, registers, Shelf(settings.cached_sagas), plain=settings.plain_rows)
    office = Office(
        store, registers, vault, Messages(topics, _correspondence(settings, topics)), engines.signer,
        settings.retention, counted, held, ladders, calls,
    )  # fmt: skip
    holds = HoldKeeping(office, bus, held, vault, lambda: os.urandom(10))
    own_topics = KafkaTopics(engines.kafka, topics, settings.partitions)
    keeping = RegisterKeeping(office, bus, engines.files, registers, own_topics)
    timers, take = Timers(office, bus), Take(office)
    ledger = PostgresConsents(database)
    consents = Consents(office, ledger, take.subjects)
    sealing = Sealing(PostgresSeals(), bus, engines.signer, topics, settings.seal_every)
    reading = PostgresReading(database, store)
    parts = Parts(
        reading,
        PostgresProofs(database),
        Acts(office, bus),
        RequestActs(office, bus),
        keeping,
        Operations(database, bus),
        Resuming(office, bus, OpenSagas()),
        holds,
        ledger,
        DecisionActs(office, bus),
    )
    start = _start(engines.kafka, topics, settings.partitions, keeping)
    app = build_app(
        lambda: parts,
        auth=engines.auth,
        health=health_of(database, bus, start, engines.auth),
        unavailable=unavailable_if(BusFailed),
        registry=REGISTRY,
    )

    steps = {
        "timers": lambda: fire_timers(timers),
        "seal": sealing.step,
        "calls": calling.step,
        "holds": holds.step,
        "count": lambda: _count(counted, reading),
    }
    background = _background(bus, start, handlers(take, consents, topics), keeping, steps)
    load_calendars(datetime.now(UTC).year, ("DE",))
    return Service(app, settings.http, background, bus.stop)


async def _count(counted: SagaMeters, reading: PostgresReading) -> float:
    counted.counted(await reading.counts())
    return _COUNT_EVERY_S


def _background(
    bus: Bus,
    start: Start,
    handled: Mapping[Topic, Handler],
    keeping: RegisterKeeping,
    steps: Mapping[str, Callable[[], Awaitable[float]]],
) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """What runs beside the HTTP API; `steps` are taken again and again."""

    async def consume() -> None:
        await start.done.wait()
        await bus.consume(handled)

    async def register() -> None:
        await start.insist()
        await keep_stepping("register", keeping.step)

    stepping = {name: partial(keep_stepping, name, step) for name, step in steps.items()}
    return {"register": register, "consume": consume, "relay": bus.relay, **stepping}


def _correspondence(settings: Settings, topics: Topics) -> Correspondence:
    """Said once, at the start, and not saga by saga."""
    with blamed_on("LETHE_CONTROLLERS", ValueError):
        found = correspondents(settings.controllers)
    log = structlog.get_logger(__name__)
    log.info("letters are written for these controllers, and for no others", controllers=sorted(found))
    return Correspondence(topics.letters.name, found, settings.retention)


def _start(kafka: KafkaSettings, topics: Topics, partitions: int, keeping: RegisterKeeping) -> Start:
    """Topics, and the register of the files in force."""
    t = topics
    wanted = (t.requests, t.acks, t.erasure, t.export, t.status, t.audit, t.subject_events, t.letters)

    async def attempt() -> None:
        await ensure_topics(kafka, wanted, partitions)
        await keeping.load("start")

    return Start(
        attempt,
        refused=(TopicMismatch, RegisterError, RegisterRefused),
        waiting="waits for the brokers: topics or register are not there yet",
    )


def _escalation(settings: Settings) -> tuple[Ladders, tuple[Receiver, ...]]:
    with blamed_on("LETHE_ESCALATION", EscalationRefused):
        return read_escalation(settings.escalation)


def _register(settings: Settings) -> FileRegister:
    files = FileRegister(settings.register)
    with blamed_on("LETHE_REGISTER", RegisterError, RegisterRefused):
        version, content = files.read()
        view_of(0, version, content)
    return files


def _signer(settings: Settings) -> Ed25519Signer:
    try:
        return Ed25519Signer.read(settings.signing_key)
    except ValueError as error:
        raise SettingsError([f"LETHE_SIGNING_KEY {error}: make one with `lethe keys` or openssl"]) from None


def _keys(settings: Settings) -> FileKeys:
    with blamed_on("LETHE_VAULT_KEYS", KeyFileRefused):
        return FileKeys(settings.vault_keys)
