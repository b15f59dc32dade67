"""Everything that can be set, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_chassis import Address, AuthSettings, Env
from lethe_delivery import SmtpSettings, read_smtp

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    kafka: str
    postgres: str
    http: Address
    auth: AuthSettings
    controllers: Path
    policy: Path | None
    """How breaches are handled at each controller, who is called, what is suppressed; None: the defaults."""
    partitions: int
    log: str
    connections: int
    parked_retention_s: float
    """How long the content of a message that could not be taken is kept."""
    signal_retention: timedelta
    """How long distinct signals are remembered; longer than their topic keeps them, or an old one counts again."""
    smtp: SmtpSettings | None
    """The server that takes e-mail; None: none is sent."""
    sender: str
    """The address that e-mail comes from."""
    vault_keys: Path | None
    """The master keys of the vault; None: nobody can be looked for or written to."""
    letters_per_second: float | None
    """How many letters to data subjects go out in a second, over all instances; None: as fast as they are taken."""
    sent_log: Path | None
    """A file in which the relay names each Message-ID that it accepted, before it replies."""
    retention: timedelta
    """How long after its last case is over an incident's sealed descriptions are kept."""

    @classmethod
    def read(cls, env: Env) -> Settings:
        """Faults are collected in `env`."""
        found = cls(
            kafka=env.required("LETHE_KAFKA", "host:port of a Kafka broker"),
            postgres=env.required("LETHE_POSTGRES", "the DSN of the breach notifier's own role"),
            http=env.address("LETHE_HTTP", "127.0.0.1:8085"),
            auth=AuthSettings.read(env),
            controllers=env.file("LETHE_CONTROLLERS", "the path of controllers.yaml"),
            policy=env.optional_file("LETHE_BREACH_POLICY", "the path of the policy of breaches"),
            partitions=env.integer("LETHE_PARTITIONS", 8, minimum=1, maximum=1024),
            log=env.choice("LETHE_LOG", ("json", "text"), "json"),
            connections=env.integer("LETHE_POSTGRES_CONNECTIONS", 10, minimum=6, maximum=200),
            parked_retention_s=env.duration("LETHE_PARKED_RETENTION", timedelta(days=90)).total_seconds(),
            signal_retention=env.duration("LETHE_SIGNAL_RETENTION", timedelta(days=14)),
            smtp=read_smtp(env),
            sender=env.text("LETHE_SMTP_SENDER", ""),
            vault_keys=env.optional_file("LETHE_VAULT_KEYS", "the path of the vault's master keys file"),
            letters_per_second=env.integer("LETHE_LETTERS_PER_SECOND", 0, minimum=0) or None,
            sent_log=env.optional_file("LETHE_SMTP_SENT_LOG", "the path of the relay's log of accepted letters"),
            retention=env.duration("LETHE_BREACH_RETENTION", timedelta(days=3 * 365)),
        )
        if found.signal_retention < timedelta(days=8):
            env.fault("LETHE_SIGNAL_RETENTION", "is shorter than the topic keeps signals", "set it to 8d or longer")
        return found
