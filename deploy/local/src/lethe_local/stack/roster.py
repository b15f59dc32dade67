"""The manifest: every program of a whole stack beside the engines. One line here adds one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Flag, auto
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lethe_local.errors import Missing
from lethe_local.stack.config import ENGINE_PORTS, instance

if TYPE_CHECKING:
    from lethe_local.stack.config import Config


class Needs(Flag):
    """What a program is told. Nothing that it does not need."""

    KAFKA = auto()
    POSTGRES = auto()  # the DSN of its own role
    TOKENS = auto()  # it checks tokens
    VAULT = auto()  # the master keys
    REGISTER = auto()
    CONTROLLERS = auto()
    BREACH_POLICY = auto()  # how breaches are handled at each controller
    SIGNING = auto()  # the key of certificates and seals
    CREDENTIALS = auto()  # of every processor, by the names that the register uses
    READING = auto()  # credentials of every processor but those that can change it
    OWN_CREDENTIALS = auto()  # of the sample processor itself: names that begin with its own
    DATABASE_FILE = auto()  # a sample's own; made anew on every start of the stack
    PARTICIPANT = auto()  # a Kafka-native processor: its token key, a token, where parts go


_SERVICE = Needs.KAFKA | Needs.POSTGRES | Needs.VAULT


@dataclass(frozen=True, slots=True)
class Part:
    """`python -m MODULE ARGUMENTS`; it serves HTTP on the port of its name and answers /readyz.

    `arguments` may name `{port}`, `{people}` and `{seed}`; the variable NAME_ARGUMENTS adds to them, for example
    `HELPDESK_ARGUMENTS=--lie`.
    """

    name: str
    module: str
    needs: Needs
    arguments: tuple[str, ...] = ()
    number: int = 1

    @property
    def program(self) -> str:
        """What this instance is called; its port is that of this name."""
        return instance(self.name, self.number)


SERVICES = (
    Part("intake", "intake", _SERVICE | Needs.TOKENS | Needs.CONTROLLERS | Needs.REGISTER),
    Part(
        "orchestrator",
        "orchestrator",
        _SERVICE | Needs.TOKENS | Needs.CONTROLLERS | Needs.REGISTER | Needs.SIGNING,
    ),
    Part("erasure_worker", "erasure_worker", _SERVICE | Needs.TOKENS | Needs.REGISTER | Needs.CREDENTIALS),
    Part("export_worker", "export_worker", _SERVICE | Needs.TOKENS | Needs.REGISTER | Needs.READING),
    Part(
        "breach_notifier",
        "breach_notifier",
        _SERVICE | Needs.TOKENS | Needs.CONTROLLERS | Needs.BREACH_POLICY,
    ),
)
_INVENTED = ("--port", "{port}", "--people", "{people}", "--seed", "{seed}")
SAMPLES = (
    Part("helpdesk", "lethe_example_helpdesk", Needs.OWN_CREDENTIALS, _INVENTED),
    Part("warehouse", "lethe_example_warehouse", Needs.KAFKA | Needs.DATABASE_FILE | Needs.PARTICIPANT, _INVENTED),
)


def members(config: Config) -> tuple[Part, ...]:
    """The programs of this stack. Raises Missing if one is not installed."""
    if config.only:
        return ()
    services = [replace(part, number=number) for number in range(1, config.instances + 1) for part in SERVICES]
    every = (*(SAMPLES if config.has_samples else ()), *services)
    wanted = tuple(part for part in every if part.name not in config.without)
    missing = [part.module for part in wanted if not _can_run(part.module)]
    if missing:
        raise Missing(f"not installed: {', '.join(missing)}. Run `make install`, or leave it out with --without NAME.")
    return wanted


def _can_run(module: str) -> bool:
    return find_spec(module) is not None and find_spec(f"{module}.__main__") is not None


def ports(config: Config) -> dict[str, int]:
    """What this stack will listen on."""
    engines = [name for name, engine in ENGINE_PORTS.items() if config.starts(engine)]
    return {name: config.ports[name] for name in (*engines, *(part.program for part in members(config)))}
