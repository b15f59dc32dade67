"""What the erasure worker is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_chassis import AuthSettings, Env

if TYPE_CHECKING:
    from pathlib import Path

    from lethe_chassis import Address


@dataclass(frozen=True, slots=True)
class Settings:
    """Credentials of processors are not here: the register names them, they are resolved when they are used."""

    kafka: str
    postgres: str = field(repr=False)
    http: Address
    auth: AuthSettings
    vault_keys: Path
    register: Path
    partitions: int
    log: str
    parked_retention_s: float
    """How long the content of a message that could not be taken is kept."""
    call_timeout_s: float
    """For one batch at one processor."""


def read_settings(environment: Env | None = None) -> Settings:
    """Raises SettingsError with a line for every variable that is missing or wrong."""
    with environment or Env() as env:
        return Settings(
            kafka=env.required("LETHE_KAFKA", "host:port of a Kafka broker"),
            postgres=env.required("LETHE_POSTGRES", "the address of PostgreSQL with this service's own role"),
            http=env.address("LETHE_HTTP", "127.0.0.1:8083"),
            auth=AuthSettings.read(env),
            vault_keys=env.file("LETHE_VAULT_KEYS", "the file of master keys of the vault"),
            register=env.directory("LETHE_REGISTER", "the directory of the register of processors"),
            partitions=env.integer("LETHE_PARTITIONS", 8, minimum=1),
            log=env.choice("LETHE_LOG", ("json", "text"), "json"),
            parked_retention_s=env.duration("LETHE_PARKED_RETENTION", timedelta(days=90)).total_seconds(),
            call_timeout_s=env.duration("LETHE_CALL_TIMEOUT", timedelta(seconds=60)).total_seconds(),
        )
