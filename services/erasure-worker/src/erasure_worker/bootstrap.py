"""Puts the erasure worker together: the one module that sees adapters and application at once."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from erasure_worker.adapters.ledger import EffectLedger
from erasure_worker.adapters.meters import CallbackMeters
from erasure_worker.application.calling_back import CallingBack, counts_of
from erasure_worker.application.erasing import Erasing
from erasure_worker.application.turns import Turns
from erasure_worker.entrypoints.callbacks import BODY_RULES, callbacks_router
from erasure_worker.entrypoints.messages import handlers
from lethe_chassis import (
    HealthChecks,
    Service,
    TokenVerifier,
    blamed_on,
    configure_logging,
    create_app,
    operations_router,
    unavailable_if,
    verifier_of,
)
from lethe_events.topics import ACKS, TASKS_ERASURE
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
from lethe_postgres import Database, migrate
from lethe_processors import connector_for
from lethe_processors.credentials import Credentials
from lethe_processors.register import RegisterError, RegisterSource
from lethe_processors.verbs import CHANGES
from lethe_processors.worker import Bench, Callbacks, Connectors, Worker, limits_of_all, redeem_from, register_facts
from lethe_vault import FileKeys, KeyFileRefused, Redemption, Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from fastapi import FastAPI

    from erasure_worker.settings import Settings
    from lethe_events.models import TaskRequested
    from lethe_events.words import Verb
    from lethe_processors.connector import Answer
    from lethe_processors.runner import Work

NAME = "erasure-worker"
SCHEMA = "erasure_worker"


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Service]:
    """Open what the service needs, in the order in which it is closed again from the end."""
    configure_logging(NAME, form=settings.log)
    registers, keys = _files(settings)
    auth = verifier_of(settings.auth)
    kafka = KafkaSettings(bootstrap=settings.kafka)
    async with AsyncExitStack() as stack:
        database = await Database.connect(settings.postgres, schema=SCHEMA, application_name=NAME)
        stack.push_async_callback(database.close)
        stack.push_async_callback(auth.close)
        await ensure_topics(kafka, (TASKS_ERASURE, ACKS), settings.partitions)
        await migrate_messaging(database)
        bus = Bus(database, kafka, service=NAME, tuning=Tuning(parked_retention=settings.parked_retention_s))
        connectors = Connectors(lambda processor: connector_for(processor, Credentials(directory=settings.register)))
        stack.push_async_callback(connectors.close)
        ledger, callbacks = EffectLedger(database), Callbacks(counts_of(registers.current))
        bench = Bench(
            registers, redeem_from(Vault(database, keys, redeemer=NAME), Redemption), connectors, verbs=CHANGES
        )
        worker: Worker[Message] = Worker(
            database,
            _work(bench, Erasing(ledger, Turns(monotonic), clock=_now)),
            instance_id=bus.instance_id,
            unit_of_work=bus.work,
            dead_instances=bus.dead_instances,
            limits=lambda: limits_of_all(registers.current(), call_timeout=settings.call_timeout_s),
            register_version=lambda: registers.current().version,
            source=f"/{NAME}",
            on_settled=ledger.settled,
            promised=callbacks.promised,
        )
        await worker.queue.migrate()
        await migrate(database, "erasure_worker.adapters")
        await bus.start()
        stack.push_async_callback(bus.stop)
        app = _app(auth, _health(bus, registers, ledger), Operations(database, bus))
        app.include_router(callbacks_router(_calling_back(settings, registers, callbacks, worker)))
        yield Service(
            app,
            settings.http,
            background={
                "consume": lambda: bus.consume(handlers(worker.desk)),
                "relay": bus.relay,
                "runners": worker.run,
            },
            stop=worker.end,
        )


def _work(bench: Bench, erasing: Erasing) -> Work:
    async def work(processor_id: str, _: Verb, tasks: Sequence[TaskRequested], /) -> list[Answer]:
        return await bench.carry_out(processor_id, tasks, erasing)

    return work


def _calling_back(
    settings: Settings, registers: RegisterSource, callbacks: Callbacks, worker: Worker[Message]
) -> CallingBack:
    credentials = Credentials(directory=settings.register)
    return CallingBack(
        registers.current, credentials, callbacks, worker.desk.settle, meters=CallbackMeters(), clock=_now
    )


def _app(auth: TokenVerifier, health: HealthChecks, operations: Operations) -> FastAPI:
    health.add("tokens", auth.check)
    app = create_app(
        title=NAME,
        version="0.1.0",
        auth=auth,
        health=health,
        unavailable=unavailable_if(BusFailed),
        body_rules=BODY_RULES,
    )
    app.include_router(operations_router(lambda: operations, OperationRefused))
    return app


def _files(settings: Settings) -> tuple[RegisterSource, FileKeys]:
    """What a person has to put right before a start is of use. Raises SettingsError."""
    with blamed_on("LETHE_REGISTER", RegisterError), blamed_on("LETHE_VAULT_KEYS", KeyFileRefused):
        return RegisterSource(settings.register), FileKeys(settings.vault_keys)


def _health(bus: Bus, registers: RegisterSource, ledger: EffectLedger) -> HealthChecks:
    """A broken register does not fail readiness: the last good one is worked with, and the report tells."""
    health = HealthChecks()
    health.add("bus", bus.health)
    health.add("register", lambda: register_facts(registers))
    health.add("effects", ledger.unanswered)
    return health
