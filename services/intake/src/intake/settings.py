"""Everything that can be set, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from intake.domain.identity import CodePolicy
from intake.domain.overload import Limits
from lethe_chassis import Address, AuthSettings, Env
from lethe_delivery import SmsSettings, SmtpSettings, read_smtp

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    kafka: str
    postgres: str
    http: Address
    shared_port: bool
    auth: AuthSettings
    vault_keys: Path
    controllers: Path
    register: Path | None
    """The register of processors, by which a processor's notice of a breach is checked; None: it is not."""
    targets: Path | None
    """Other controllers that portable copies may be sent to; None: nobody."""
    partitions: int
    log: str
    connections: int
    parked_retention_s: float
    """How long the content of a message that could not be taken is kept."""
    limits: Limits
    repeats_kept: timedelta
    """How long after their last request people are known by keyed hashes."""
    codes: CodePolicy
    smtp: SmtpSettings | None
    sender: str
    """The address that e-mail with codes comes from."""
    sms: SmsSettings | None
    letter_pause: timedelta
    """After the first attempt at a letter that was put off; it doubles up to two hours."""
    spacing_s: float
    """Least time between two transactions that accept requests, unless one is full."""

    @classmethod
    def read(cls, env: Env) -> Settings:
        """Faults are collected in `env`."""
        limits = Limits()
        return cls(
            kafka=env.required("LETHE_KAFKA", "host:port of a Kafka broker"),
            postgres=env.required("LETHE_POSTGRES", "the DSN of intake's own role"),
            http=env.address("LETHE_HTTP", "127.0.0.1:8081"),
            shared_port=env.flag("LETHE_HTTP_SHARED", default=False),
            auth=AuthSettings.read(env),
            vault_keys=env.file("LETHE_VAULT_KEYS", "the path of the vault's master keys file"),
            controllers=env.file("LETHE_CONTROLLERS", "the path of controllers.yaml"),
            register=env.directory("LETHE_REGISTER", "") if env.optional("LETHE_REGISTER") else None,
            targets=env.file("LETHE_TRANSMISSION_TARGETS", "") if env.optional("LETHE_TRANSMISSION_TARGETS") else None,
            partitions=env.integer("LETHE_PARTITIONS", 8, minimum=1, maximum=1024),
            log=env.choice("LETHE_LOG", ("json", "text"), "json"),
            connections=env.integer("LETHE_POSTGRES_CONNECTIONS", 10, minimum=4, maximum=200),
            parked_retention_s=env.duration("LETHE_PARKED_RETENTION", timedelta(days=90)).total_seconds(),
            limits=Limits(
                outbox_rows=env.integer("LETHE_INTAKE_MAX_OUTBOX", limits.outbox_rows, minimum=1),
                outbox_age_s=env.duration(
                    "LETHE_INTAKE_MAX_OUTBOX_AGE", timedelta(seconds=limits.outbox_age_s)
                ).total_seconds(),
                slowest_s=env.duration("LETHE_INTAKE_MAX_COMMIT", timedelta(seconds=limits.slowest_s)).total_seconds(),
                waiting=env.integer("LETHE_INTAKE_MAX_WAITING", limits.waiting, minimum=1),
            ),
            repeats_kept=env.duration("LETHE_INTAKE_REPEATS_KEPT", timedelta(days=365)),
            codes=_codes(env),
            smtp=read_smtp(env),
            sender=env.text("LETHE_SMTP_SENDER", ""),
            sms=_sms(env),
            letter_pause=env.duration("LETHE_INTAKE_LETTER_PAUSE", timedelta(minutes=1)),
            spacing_s=env.duration("LETHE_INTAKE_GROUP_SPACING", timedelta(milliseconds=25)).total_seconds(),
        )


def _codes(env: Env) -> CodePolicy:
    usual = CodePolicy()
    return CodePolicy(
        lifetime=env.duration("LETHE_INTAKE_CODE_LIFETIME", usual.lifetime),
        attempts=env.integer("LETHE_INTAKE_CODE_ATTEMPTS", usual.attempts, minimum=1, maximum=10),
        pause=env.duration("LETHE_INTAKE_CODE_PAUSE", usual.pause),
        per_day=env.integer("LETHE_INTAKE_CODES_PER_DAY", usual.per_day, minimum=1, maximum=20),
    )


def _sms(env: Env) -> SmsSettings | None:
    """None without LETHE_SMS_URL: then no code goes out by SMS."""
    url = env.optional("LETHE_SMS_URL")
    if url is None:
        return None
    return SmsSettings(
        url=url,
        token=env.optional("LETHE_SMS_TOKEN"),
        idempotent=env.flag("LETHE_SMS_IDEMPOTENT", default=False),
    )
