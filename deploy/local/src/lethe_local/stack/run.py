"""The life of one stack, from nothing to ready to nothing. Runs in the supervisor's process."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lethe_local.engines import kafka, postgres
from lethe_local.processes.supervisor import Supervisor
from lethe_local.stack import envfile, preflight
from lethe_local.state import cache_directory

if TYPE_CHECKING:
    from lethe_local.processes.spec import ProcessSpec
    from lethe_local.stack.config import Config


def run(config: Config) -> None:
    """Until a signal handler raises. Whatever ends it, every program is stopped."""
    with Supervisor(config.state) as supervisor:
        begun = time.monotonic()
        preflight.require_space(config.state.root)
        supervisor.tell(phase="preparing Kafka and PostgreSQL (the first time, Kafka's jars are fetched)")
        specs = engines(config)
        preflight.require_ports(specs)
        supervisor.tell(phase="starting " + " and ".join(s.name for s in specs))
        supervisor.start(specs)
        envfile.write(config.state, addresses(config))
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
                    controller_port=ports["kafka_controller"],
                )
            )
        if config.starts(postgres.NAME):
            starting.append(both.submit(postgres.prepare, config.state, port=ports["postgres"]))
        return [spec.result() for spec in starting]


def admin_dsn(config: Config) -> str:
    return config.postgres or postgres.dsn(config.state, config.ports["postgres"])


def addresses(config: Config) -> dict[str, str]:
    """What everybody needs to reach the engines."""
    found = {}
    if not config.only or "kafka" in config.only:
        found["LETHE_KAFKA"] = config.kafka_address
    if not config.only or "postgres" in config.only:
        found["LETHE_POSTGRES"] = admin_dsn(config)
    return found
