"""How to reach Kafka, and the times and sizes of the loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

MIB = 1 << 20


@dataclass(frozen=True)
class KafkaSettings:
    """Address and credentials of the brokers."""

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    sasl_mechanism: str = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)

    def client_options(self) -> dict[str, Any]:
        """What every client of aiokafka is given, with the times that were measured to recover quickly."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "request_timeout_ms": 10_000,
            "retry_backoff_ms": 100,
            "metadata_max_age_ms": 30_000,
        }


@dataclass(frozen=True, slots=True)
class Tuning:
    """Times in seconds, sizes in records unless said otherwise. The defaults are measured; tests shorten some."""

    batch: int = 1000
    """Records of one partition in one transaction, at most."""
    window: float = 0.010
    """How long a small batch waits for company, at least; longer, up to `window_max`, while transactions are slow."""
    window_max: float = 0.1
    window_below: int = 200
    """A batch of this size or more does not wait."""
    queue: int = 4000
    """Records of one partition held in memory before it is paused."""
    handler_timeout: float = 30.0
    """For one batch; longer than any statement may take, so that a slow database is not taken for a poison message."""
    attempts_alone: int = 3
    """A message that fails alone this often, not transiently, is parked."""
    retry_first: float = 0.05
    retry_max: float = 0.5
    """Small: what an outage of a minute has doubled is waited for after the outage, by every partition."""
    lease: float = 2.0
    tick: float = 0.25
    in_flight: int = 40_000
    """Records handed to the publisher and not yet acknowledged; beyond it, the relay publishes."""
    round: int = 5_000
    """Records that the publisher sends at once, at most."""
    linger: float = 0.003
    """How long the publisher waits for company when little is waiting."""
    relay_after: float = 10.0
    """Age at which a chunk of a living writer is taken to be forgotten."""
    stuck_after: float = 10.0
    """Records are waiting in the broker and none arrives for this long: the client is made anew."""
    stuck_clients: int = 2
    """New clients that may read nothing in a row before the process is ended."""
    parked_retention: float = 90 * 86_400.0
    """How long the content of a parked message is kept: after it was settled, or while nobody decides."""
    stop_grace: float = 10.0
