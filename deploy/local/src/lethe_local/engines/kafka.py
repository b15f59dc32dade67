"""A single-node Apache Kafka in KRaft mode, listening on the loopback address only."""

from __future__ import annotations

import socket
import struct
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_local.engines import jars
from lethe_local.errors import NotReady, from_os_error, from_output
from lethe_local.processes.ports import HOST
from lethe_local.processes.spec import ProcessSpec

if TYPE_CHECKING:
    from pathlib import Path

    from lethe_local.state import State

NAME = "kafka"
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{advertised}
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# A killed broker is back after 3 s instead of 12.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# One node, few threads, small index files.
num.network.threads=2
num.io.threads=4
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=16777216
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
"""
LOGGING = tuple(
    f"-Dorg.slf4j.simpleLogger.{option}"
    for option in ("defaultLogLevel=warn", "showDateTime=true", "dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ")
)


@dataclass(frozen=True, slots=True)
class KafkaReady:
    """Ready when the broker lists itself: an open port alone is up to a second too early."""

    port: int

    def __call__(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), 1.0) as connection:
                connection.settimeout(1.0)
                return _brokers(connection) > 0
        except (OSError, struct.error):
            return False


def _brokers(connection: socket.socket) -> int:
    """Ask for the metadata (api 3, version 0) of no topic; the answer starts with the list of brokers."""
    question = struct.pack(">hhihi", 3, 0, 1, -1, 0)
    connection.sendall(struct.pack(">i", len(question)) + question)
    head = b""
    while len(head) < 12:  # noqa: PLR2004 - length, correlation id, number of brokers
        received = connection.recv(12 - len(head))
        if not received:
            return 0
        head += received
    return int(struct.unpack(">iii", head)[2])


def prepare(
    state: State, cache: Path, *, port: int, controller_port: int, advertised: int | None = None
) -> ProcessSpec:
    """Write its settings and format its storage, once; data of an earlier run is kept. Takes 20 s the first time.

    `advertised`: the port that clients are told to come to, where something stands between.
    """
    classes = jars.class_path(cache)
    archive = jars.class_archive(cache, classes)
    settings = state.kafka / "server.properties"
    data = state.kafka / "data"
    try:
        settings.write_text(
            SETTINGS.format(
                host=HOST, port=port, advertised=advertised or port, controller_port=controller_port, data=data
            )
        )
        if not (data / "meta.properties").exists():
            _format(settings, classes, archive)
    except OSError as error:
        raise from_os_error(error, "prepare Kafka's storage") from error
    return ProcessSpec(
        name=NAME,
        argv=(
            str(jars.java()),
            "-Xmx512m",
            *jars.JVM,
            *archive,
            *LOGGING,
            "-cp",
            classes,
            "kafka.Kafka",
            str(settings),
        ),
        ready=KafkaReady(port),
    )


def _format(settings: Path, classes: str, archive: tuple[str, ...]) -> None:
    command: list[str | Path] = [
        jars.java(),
        *jars.JVM,
        *archive,
        "-cp",
        classes,
        "kafka.tools.StorageTool",
        "format",
        "-t",
        jars.CLUSTER,
        "-c",
        settings,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        said = done.stdout + done.stderr
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
        raise from_output(said, "format Kafka's storage") or NotReady(f"cannot format Kafka's storage: {last[:300]}")
