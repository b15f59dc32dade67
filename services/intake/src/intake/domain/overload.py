"""When to refuse new requests, so that what was accepted is worked off."""

from __future__ import annotations

from dataclasses import dataclass

from intake.domain.errors import Overloaded


@dataclass(frozen=True, slots=True)
class Load:
    """`outbox_rows`: committed groups of messages not yet published; `outbox_age_s`: age of the oldest."""

    outbox_rows: int = 0
    outbox_age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """A long outage of the broker is ridden out up to these bounds; nothing accepted is ever dropped."""

    outbox_rows: int = 20_000
    outbox_age_s: float = 900.0
    waiting: int = 2_048
    """Requests waiting for a transaction in this process."""


def refuse_if_overloaded(load: Load, waiting: int, limits: Limits) -> None:
    """Raises Overloaded if a bound is passed."""
    if waiting >= limits.waiting:
        raise Overloaded("too_many_waiting", 1)
    if load.outbox_rows >= limits.outbox_rows:
        raise Overloaded("outbox_full", 10)
    if load.outbox_age_s >= limits.outbox_age_s:
        raise Overloaded("outbox_stuck", 30)
