"""Where tests get a real Kafka and a real PostgreSQL from.

An explicit address (`LETHE_KAFKA`, `LETHE_POSTGRES`) wins; then Docker, if an engine answers or
`LETHE_TEST_ENGINES=docker` asks for it; then engines of our own, started on free ports in a temporary directory.
`LETHE_TEST_ENGINES=embedded` leaves Docker out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from lethe_local import control
from lethe_local.stack import envfile
from lethe_local.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

Engine = Literal["kafka", "postgres"]
VARIABLE: dict[Engine, str] = {"kafka": "LETHE_KAFKA", "postgres": "LETHE_POSTGRES"}
KAFKA_IMAGE = "confluentinc/cp-kafka:8.0.0"
POSTGRES_IMAGE = "postgres:18"


@contextlib.contextmanager
def provide(engine: Engine) -> Iterator[str]:
    """The address of a real engine, as long as the context lasts. Without one the test is skipped; in CI it fails."""
    explicit = os.environ.get(VARIABLE[engine])
    if explicit:
        yield explicit
        return
    with contextlib.ExitStack() as stack:
        try:
            source = containers(engine) if wants_docker() else embedded(engine)
            address = stack.enter_context(source)
        except Exception as error:  # noqa: BLE001 - whatever the reason, it is told
            reason = f"no {engine}: {error}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
        yield address


@contextlib.contextmanager
def embedded(engine: Engine) -> Iterator[str]:
    """An engine of our own. It ends with this process, even if that is killed."""
    with private_state() as state:
        supervisor = control.spawn(state, [f"--only={engine}", "--free-ports"], tied=True)
        try:
            control.wait_ready(state, supervisor, lambda _phase: None)
            yield envfile.read(state)[VARIABLE[engine]]
        finally:
            control.stop(supervisor, state)


@contextlib.contextmanager
def private_state() -> Iterator[State]:
    """A state directory of its own, deleted afterwards. PostgreSQL's account may pass through it."""
    root = Path(tempfile.mkdtemp(prefix="lethe-test-")).resolve()
    root.chmod(0o711)
    state = State(root)
    try:
        state.create()
        yield state
    finally:
        postgres = root / "postgres"
        if postgres.is_symlink():
            shutil.rmtree(postgres.resolve(), ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


def wants_docker() -> bool:
    """What `LETHE_TEST_ENGINES` says; unset, whether a Docker engine answers."""
    choice = os.environ.get("LETHE_TEST_ENGINES", "")
    if choice in ("docker", "embedded"):
        return choice == "docker"
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return False
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from testcontainers.core.docker_client import DockerClient

        return bool(DockerClient(timeout=2).client.ping())
    return False


@contextlib.contextmanager
def containers(engine: Engine) -> Iterator[str]:
    """The same engine in a container, once per run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if engine == "kafka":
            from testcontainers.community.kafka import KafkaContainer

            with KafkaContainer(KAFKA_IMAGE).with_kraft() as kafka:
                yield str(kafka.get_bootstrap_server())
        else:
            from testcontainers.community.postgres import PostgresContainer

            with PostgresContainer(
                POSTGRES_IMAGE, username="postgres", password="local", dbname="postgres", driver=None
            ) as postgres:
                yield str(postgres.get_connection_url())
