"""One stack, decided: where it lies, which ports it has, what is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lethe_local.errors import LocalError
from lethe_local.processes.ports import HOST, free_ports
from lethe_local.stack import envfile
from lethe_local.state import State, checkout

if TYPE_CHECKING:
    from collections.abc import Mapping

PORTS = {
    "kafka": 29092,
    "kafka_controller": 29093,
    "postgres": 25432,
    "intake": 8081,
    "orchestrator": 8082,
    "erasure_worker": 8083,
    "export_worker": 8084,
    "breach_notifier": 8085,
    "helpdesk": 8091,
    "warehouse": 8092,
}
SERVICES = ("intake", "orchestrator", "erasure_worker", "export_worker", "breach_notifier")
"""What may run more than once."""
ENGINE_PORTS = {"kafka": "kafka", "kafka_controller": "kafka", "postgres": "postgres"}
"""Which engine listens on a port."""
PEOPLE = 1000
SEED = 7


def port_variable(name: str) -> str:
    """The environment variable that chooses the port of this part."""
    return f"LETHE_PORT_{name.upper().replace('-', '_')}"


def instance(name: str, number: int) -> str:
    """What the n-th instance of a service is called, from 1."""
    return name if number == 1 else f"{name}-{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`only` names the engines to start without anything else; empty means the whole stack, `without` these parts.

    `kafka` and `postgres` are addresses of engines that somebody else runs; None: they are started here. `through`:
    engine → the port of this machine by which services reach it instead of its own, where a proxy of a test listens.
    """

    state: State
    ports: Mapping[str, int]
    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    kafka: str | None = None
    postgres: str | None = None
    people: int = PEOPLE
    seed: int = SEED
    partitions: int = 8
    instances: int = 1
    through: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the caller's environment says, for the settings of services that it overrides."""

    def starts(self, engine: str) -> bool:
        """Whether this stack runs that engine itself."""
        external = self.kafka if engine == "kafka" else self.postgres
        return external is None and (not self.only or engine in self.only)

    @property
    def kafka_address(self) -> str:
        return self.kafka or f"{HOST}:{self.through.get('kafka', self.ports['kafka'])}"

    @property
    def has_samples(self) -> bool:
        """Whether the sample processors are part of it: with a register of one's own they are not."""
        return not self.environment.get("LETHE_REGISTER")

    @property
    def register(self) -> Path:
        return Path(self.environment.get("LETHE_REGISTER") or checkout() / "examples" / "register")

    @property
    def controllers(self) -> Path:
        return Path(self.environment.get("LETHE_CONTROLLERS") or checkout() / "examples" / "controllers.yaml")

    @property
    def breach_policy(self) -> Path:
        return Path(self.environment.get("LETHE_BREACH_POLICY") or checkout() / "examples" / "breaches.yaml")

    def url(self, name: str) -> str:
        return f"http://{HOST}:{self.ports[name]}"


def decide(
    *,
    environment: Mapping[str, str] = os.environ,
    only: frozenset[str] = frozenset(),
    without: frozenset[str] = frozenset(),
    choose_free_ports: bool = False,
    people: int | None = None,
) -> Config:
    """By the environment; the command line wins over it, and an explicit engine address over an engine of our own."""
    state = State.of(environment)
    instances = max(1, _number(environment, "LETHE_LOCAL_INSTANCES", 1))
    ports = _ports(environment, choose_free_ports, instances)
    return Config(
        state=state,
        ports=ports,
        only=only,
        without=without,
        kafka=None if only else _external("LETHE_KAFKA", ports["kafka"], state, environment),
        postgres=None if only else _external("LETHE_POSTGRES", ports["postgres"], state, environment),
        people=people if people is not None else _number(environment, "LETHE_LOCAL_PEOPLE", PEOPLE),
        seed=_number(environment, "LETHE_LOCAL_SEED", SEED),
        partitions=_number(environment, "LETHE_PARTITIONS", 8),
        instances=instances,
        through={
            engine: port
            for engine in ("kafka", "postgres")
            if (port := _number(environment, f"LETHE_THROUGH_{engine.upper()}", 0))
        },
        environment=dict(environment),
    )


def _ports(environment: Mapping[str, str], choose_free: bool, instances: int) -> dict[str, int]:
    """Further instances take the ports after the usual ones, or free ones."""
    more = [instance(name, number) for number in range(2, instances + 1) for name in SERVICES]
    names = [*PORTS, *more]
    usual = [*PORTS.values(), *range(8101, 8101 + len(more))]
    chosen = free_ports(len(names)) if choose_free else usual
    return {n: _number(environment, port_variable(n), default) for n, default in zip(names, chosen, strict=True)}


def _external(variable: str, port: int, state: State, environment: Mapping[str, str]) -> str | None:
    """None also for the address of our own engine: that comes from a shell that sourced our file."""
    address = environment.get(variable)
    if not address or f"{HOST}:{port}" in address or address == envfile.read(state).get(variable):
        return None
    return address


def _number(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable, "")
    if not text:
        return default
    if not text.isdigit():
        raise LocalError(f"{variable} is {text!r}, which is not a number.")
    return int(text)
