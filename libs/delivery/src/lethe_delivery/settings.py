"""The variables that say which server takes e-mail: the same ones in every service that sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lethe_delivery.errors import BadSettings
from lethe_delivery.smtp import SmtpSettings, Tls

if TYPE_CHECKING:
    from collections.abc import Sequence


class Variables(Protocol):
    """An environment that collects its faults and goes on with a stand-in, as `lethe_chassis.Env` does."""

    def fault(self, name: str, problem: str, fix: str) -> None: ...
    def optional(self, name: str) -> str | None: ...
    def required(self, name: str, meaning: str) -> str: ...
    def text(self, name: str, default: str) -> str: ...
    def integer(self, name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int: ...
    def choice(self, name: str, choices: Sequence[str], default: str) -> str: ...


def read_smtp(env: Variables) -> SmtpSettings | None:
    """None without LETHE_SMTP_HOST: then nothing goes out by e-mail. Faults are collected in `env`."""
    host = env.optional("LETHE_SMTP_HOST")
    if host is None:
        return None
    sender = env.required("LETHE_SMTP_SENDER", "the address that e-mail comes from")
    port = env.integer("LETHE_SMTP_PORT", 465, minimum=1, maximum=65535)
    tls = env.choice("LETHE_SMTP_TLS", list(Tls), Tls.IMPLICIT)
    if tls not in list(Tls):
        return None  # `choice` told of it
    try:
        return SmtpSettings(
            host=host,
            port=port,
            tls=Tls(tls),
            domain=sender.rpartition("@")[2],
            bounces=env.text("LETHE_SMTP_BOUNCES", sender),
            username=env.optional("LETHE_SMTP_USERNAME"),
            password=env.optional("LETHE_SMTP_PASSWORD"),
            ca_file=env.optional("LETHE_SMTP_CA"),
        )
    except BadSettings as error:
        env.fault("LETHE_SMTP_PASSWORD", "cannot be used", str(error))
        return None
