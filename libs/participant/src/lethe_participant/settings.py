"""Where Kafka and the export worker are, and how much is done at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lethe_participant.errors import Misuse

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """`parts_url` and `token` are needed for exports only. Times are seconds."""

    kafka: str
    parts_url: str | None = None
    token: str | None = field(default=None, repr=False)
    batch: int = 1000
    """Tasks taken from Kafka at a time, so also the most that a batch handler gets."""
    linger: float = 0.02
    """How long few tasks wait for company: a round of Kafka's costs the same for one task as for a hundred."""
    concurrency: int = 8
    """Calls of single-task handlers, and uploads of parts, at the same time."""
    handler_timeout: float = 60.0
    """For all calls of one verb in one batch; what takes longer is answered as a transient failure."""
    upload_timeout: float = 30.0
    """For one part to be taken, from its last byte sent."""
    security_protocol: str = "PLAINTEXT"
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    sasl_mechanism: str = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """From LETHE_KAFKA, LETHE_PARTS_URL and LETHE_TOKEN. Raises Misuse if LETHE_KAFKA is not set."""
        found = os.environ if environ is None else environ
        kafka = found.get("LETHE_KAFKA", "")
        if not kafka:
            raise Misuse("LETHE_KAFKA is not set: give the brokers' address, for example 127.0.0.1:9092")
        return cls(kafka, found.get("LETHE_PARTS_URL") or None, found.get("LETHE_TOKEN") or None)

    def client_options(self) -> dict[str, Any]:
        """What every Kafka client is given."""
        return {
            "bootstrap_servers": self.kafka,
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "request_timeout_ms": 10_000,
            "retry_backoff_ms": 100,
            "metadata_max_age_ms": 30_000,
        }
