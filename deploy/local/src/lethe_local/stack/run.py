"""The life of one stack, from nothing to ready to nothing. Runs in the supervisor's process."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lethe_local.engines import jars, kafka, postgres
from lethe_local.processes.supervisor import Supervisor
from lethe_local.stack import envfile, preflight, roster
from lethe_local.state import cache_directory

if TYPE_CHECKING:
    from lethe_local.processes.spec import ProcessSpec
    from lethe_local.stack.config import Config


def run(config: Config) -> None:
    """Until a signal handler raises. Whatever ends it, every program is stopped."""
    with Supervisor(config.state) as supervisor:
        begun = time.monotonic()
        preflight.require_space(config.state.root)
        preflight.require_ports(roster.ports(config))
        names = " and ".join(name for name in (kafka.NAME, postgres.NAME) if config.starts(name))
        if config.starts(kafka.NAME) and not jars.are_fetched(cache_directory()):
            supervisor.tell(phase=f"fetching Apache Kafka {jars.KAFKA_VERSION}, the first time only")
        else:
            supervisor.tell(phase=f"preparing {names or 'nothing: the engines run elsewhere'}")
        specs = engines(config)
        supervisor.tell(phase=f"starting {names}")
        supervisor.launch(specs)
        if config.only:
            supervisor.await_ready()
            envfile.write(config.state, addresses(config))
        else:
            _start_lethe(config, supervisor)
        supervisor.tell(phase="ready", ready=True, seconds=round(time.monotonic() - begun, 1))
        supervisor.watch()


def engines(config: Config) -> list[ProcessSpec]:
    """Both at once: the first start formats Kafka's storage and makes PostgreSQL's cluster."""
    ports = config.ports
    with ThreadPoolExecutor(2) as both:
        starting = []
        if config.starts(kafka.NAME):
            starting.append(
                both.submit(
                    kafka.prepare,
                    config.state,
                    cache_directory(),
                    port=ports["kafka"],
                    advertised=config.through.get("kafka", ports["kafka"]),
                    controller_port=ports["kafka_controller"],
                )
            )
        if config.starts(postgres.NAME):
            starting.append(both.submit(postgres.prepare, config.state, port=ports["postgres"]))
        return [spec.result() for spec in starting]


def _start_lethe(config: Config, supervisor: Supervisor) -> None:
    # The engines alone start without Lethe's own libraries, and faster.
    from lethe_local.stack import databases, parts, samples, topics
    from lethe_local.stack.keys import DEMO_SUBJECT, Keys

    keys = Keys.of(config.state)
    admin = admin_dsn(config)
    reached = databases.through(admin, config.through.get("postgres"))
    native = topics.kafka_native(config.register)
    supervisor.await_ready([postgres.NAME])
    supervisor.tell(phase="preparing databases and the sample processors")
    asyncio.run(databases.prepare(admin, config.state))
    known = parts.Known(
        config=config,
        keys=keys,
        admin=reached,
        credentials=samples.credentials(config, reached) if config.has_samples else {},
        token_keys=asyncio.run(databases.processor_keys(admin, config.state, keys, native)),
    )
    if config.has_samples:
        samples.forget_files(config)
        samples.load_shop(config, admin)
    supervisor.await_ready([kafka.NAME])
    asyncio.run(topics.prepare(config, native))
    supervisor.tell(phase="starting the services")
    supervisor.launch(parts.specs(known))
    supervisor.await_ready()
    envfile.write(
        config.state,
        {
            **addresses(config),
            "LETHE_INTAKE_URL": config.url("intake"),
            "LETHE_ORCHESTRATOR_URL": config.url("orchestrator"),
            "LETHE_ERASURE_WORKER_URL": config.url("erasure_worker"),
            "LETHE_EXPORT_WORKER_URL": config.url("export_worker"),
            "LETHE_BREACH_NOTIFIER_URL": config.url("breach_notifier"),
            "LETHE_TOKEN": keys.token(DEMO_SUBJECT),
            "LETHE_AUTH_ISSUER": keys.issuer_name,
            "LETHE_AUTH_PRIVATE_KEY": str(keys.issuer),
            "LETHE_VERIFY_KEY": str(keys.signing_public),
        },
    )


def admin_dsn(config: Config) -> str:
    return config.postgres or postgres.dsn(config.state, config.ports["postgres"])


def addresses(config: Config) -> dict[str, str]:
    """What everybody needs to reach the engines."""
    found = {}
    if not config.only or kafka.NAME in config.only:
        found["LETHE_KAFKA"] = config.kafka_address
    if not config.only or postgres.NAME in config.only:
        found["LETHE_POSTGRES"] = admin_dsn(config)
    return found
