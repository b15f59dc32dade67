"""Puts the export worker together: the one module that sees adapters and application at once."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from export_worker.adapters.documents import SealedDocuments
from export_worker.adapters.facts import RegisterFacts
from export_worker.adapters.page import HtmlPage
from export_worker.adapters.reading_rights import ReadOnly
from export_worker.adapters.searches import PostgresSearches
from export_worker.application.carrying_out import CarryingOut
from export_worker.application.exporting import Exporting
from export_worker.application.packing import Packing
from export_worker.application.searching import Searches
from export_worker.application.uploading import Uploading
from export_worker.entrypoints.http import body_rules, parts_api
from export_worker.entrypoints.messages import handlers, keep_searching, told
from lethe_chassis import (
    HealthChecks,
    Service,
    blamed_on,
    configure_logging,
    create_app,
    operations_router,
    unavailable_if,
    verifier_of,
)
from lethe_events.topics import ACKS, TASKS_EXPORT
from lethe_events.words import PACKAGE_PROCESSOR, Verb
from lethe_messaging import (
    Bus,
    BusFailed,
    KafkaSettings,
    Message,
    OperationRefused,
    Operations,
    Tuning,
    ensure_topics,
    migrate_messaging,
)
from lethe_postgres import Database
from lethe_processors import connector_for
from lethe_processors.credentials import Credentials
from lethe_processors.register import RegisterError, RegisterSource
from lethe_processors.runner import Limits
from lethe_processors.worker import Bench, Connectors, Worker, limits_of_all, redeem_from, register_facts
from lethe_vault import FileKeys, KeyFileRefused, Redemption, Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fastapi import FastAPI

    from export_worker.settings import Settings

NAME = "export-worker"
SCHEMA = "export_worker"


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Service]:
    """Open what the service needs, in the order in which it is closed again from the end."""
    configure_logging(NAME, form=settings.log)
    registers, keys = _files(settings)
    credentials = Credentials(directory=settings.register)
    kafka = KafkaSettings(bootstrap=settings.kafka)
    async with AsyncExitStack() as stack:
        database = await Database.connect(settings.postgres, schema=SCHEMA, application_name=NAME)
        stack.push_async_callback(database.close)
        await ensure_topics(kafka, (TASKS_EXPORT, ACKS), settings.partitions)
        await migrate_messaging(database)
        bus = Bus(database, kafka, service=NAME, tuning=Tuning(parked_retention=settings.parked_retention_s))
        connectors = Connectors(lambda processor: connector_for(processor, credentials))
        stack.push_async_callback(connectors.close)
        vault = Vault(database, keys, redeemer=NAME)
        documents = SealedDocuments(vault)
        read_only = ReadOnly(credentials)
        _warn_of_writing(read_only, registers)
        bench = Bench(
            registers, redeem_from(vault, Redemption), connectors, verbs={Verb.EXPORT, Verb.VERIFY}, guard=read_only
        )
        packing = Packing(documents, RegisterFacts(registers), HtmlPage(), clock=_now)
        worker: Worker[Message] = Worker(
            database,
            CarryingOut(bench, Exporting(documents), packing),
            instance_id=bus.instance_id,
            unit_of_work=bus.work,
            dead_instances=bus.dead_instances,
            limits=lambda: _limits(registers, settings),
            register_version=lambda: registers.current().version,
            source=f"/{NAME}",
        )
        await worker.queue.migrate()
        searches = await _searches(database, bus, vault, registers, connectors, read_only)
        await bus.start()
        stack.push_async_callback(bus.stop)
        yield Service(
            _app(
                settings,
                _health(database, bus, registers, read_only),
                Uploading(documents),
                registers,
                Operations(database, bus),
            ),
            settings.http,
            background={
                "consume": lambda: bus.consume(handlers(worker.desk, searches)),
                "relay": bus.relay,
                "runners": worker.run,
                "searches": lambda: keep_searching(searches),
            },
            stop=worker.end,
        )


async def _searches(  # noqa: PLR0917 - what was opened
    database: Database,
    bus: Bus,
    vault: Vault,
    registers: RegisterSource,
    connectors: Connectors,
    read_only: ReadOnly,
) -> Searches:
    store = PostgresSearches(database, bus.instance_id)
    await store.migrate()
    return Searches(
        store,
        registers,
        connectors,
        SealedDocuments(vault),
        vault,
        guard=read_only,
        work=bus.work,
        dead=bus.dead_instances,
        tell=lambda answer: told(answer, f"/{NAME}"),
        now=_now,
    )


def _limits(registers: RegisterSource, settings: Settings) -> Mapping[str, Limits]:
    """Packages have a queue of their own: a large one delays no processor, and no processor delays it."""
    packages = Limits(concurrency=4, batch=1, call_timeout=settings.package_timeout_s)
    reading = limits_of_all(registers.current(), call_timeout=settings.call_timeout_s)
    return {**reading, PACKAGE_PROCESSOR: packages}


def _app(
    settings: Settings,
    health: HealthChecks,
    uploading: Uploading,
    registers: RegisterSource,
    operations: Operations,
) -> FastAPI:
    auth = verifier_of(settings.auth)
    health.add("tokens", auth.check)
    app = create_app(
        title=NAME,
        version="0.1.0",
        description="Takes the parts of Kafka-native processors; everything else comes in over the bus.",
        auth=auth,
        health=health,
        unavailable=unavailable_if(BusFailed),
        body_rules=body_rules(settings.part_max_bytes),
    )
    app.include_router(parts_api(uploading, registers.current))
    app.include_router(operations_router(lambda: operations, OperationRefused))
    return app


def _files(settings: Settings) -> tuple[RegisterSource, FileKeys]:
    """What a person has to put right before a start is of use. Raises SettingsError."""
    with blamed_on("LETHE_REGISTER", RegisterError), blamed_on("LETHE_VAULT_KEYS", KeyFileRefused):
        return RegisterSource(settings.register), FileKeys(settings.vault_keys)


def _health(database: Database, bus: Bus, registers: RegisterSource, read_only: ReadOnly) -> HealthChecks:
    """Neither a broken register nor a processor that must not be read fails readiness: the others are served."""
    health = HealthChecks()

    async def postgres() -> None:
        await database.fetchval("SELECT 1")

    def register() -> Mapping[str, object]:
        not_read = read_only.faults(registers.current().processors.values())
        return {**register_facts(registers), "not_read": not_read}

    health.add("postgres", postgres)
    health.add("bus", bus.health)
    health.add("register", register)
    return health


def _warn_of_writing(read_only: ReadOnly, registers: RegisterSource) -> None:
    log = structlog.get_logger(__name__)
    for processor_id, fix in read_only.faults(registers.current().processors.values()).items():
        log.error("a processor is not read, because its credential could write", processor_id=processor_id, reason=fix)
