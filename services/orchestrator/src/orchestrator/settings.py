"""Everything that can be set, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_chassis import Address, AuthSettings, Env

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    kafka: str
    postgres: str
    http: Address
    auth: AuthSettings
    vault_keys: Path
    register: Path
    controllers: Path | None
    """The file of controllers, for which of them letters are written; None: for nobody."""
    signing_key: Path
    partitions: int
    log: str
    connections: int
    retention: timedelta
    """How long a closed saga keeps identifiers and documents in the vault."""
    parked_retention_s: float
    """How long the content of a message that could not be taken is kept."""
    seal_every: timedelta
    cached_sagas: int
    escalation: Path | None
    """Who is called when; none: nobody is."""
    plain_rows: bool
    """True while instances of a version that does not read the smaller rows run beside this one."""

    @classmethod
    def read(cls, env: Env) -> Settings:
        """Faults are collected in `env`."""
        return cls(
            kafka=env.required("LETHE_KAFKA", "host:port of a Kafka broker"),
            postgres=env.required("LETHE_POSTGRES", "the DSN of the orchestrator's own role"),
            http=env.address("LETHE_HTTP", "127.0.0.1:8082"),
            auth=AuthSettings.read(env),
            vault_keys=env.file("LETHE_VAULT_KEYS", "the path of the vault's master keys file"),
            register=env.directory("LETHE_REGISTER", "the directory of the register of processors"),
            escalation=env.optional_file("LETHE_ESCALATION", "the path of escalation.yaml"),
            controllers=env.optional_file("LETHE_CONTROLLERS", "the path of controllers.yaml"),
            signing_key=env.file("LETHE_SIGNING_KEY", "the path of an Ed25519 private key in PEM"),
            partitions=env.integer("LETHE_PARTITIONS", 8, minimum=1, maximum=1024),
            log=env.choice("LETHE_LOG", ("json", "text"), "json"),
            connections=env.integer("LETHE_POSTGRES_CONNECTIONS", 12, minimum=6, maximum=200),
            retention=env.duration("LETHE_VAULT_RETENTION", timedelta(days=30)),
            parked_retention_s=env.duration("LETHE_PARKED_RETENTION", timedelta(days=90)).total_seconds(),
            seal_every=env.duration("LETHE_SEAL_EVERY", timedelta(seconds=30)),
            cached_sagas=env.integer("LETHE_CACHED_SAGAS", 5_000, minimum=0, maximum=1_000_000),
            plain_rows=env.flag("LETHE_PLAIN_ROWS", default=False),
        )
