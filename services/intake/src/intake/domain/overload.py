"""When to refuse new requests, so that nothing is accepted that cannot be kept, and what was accepted is worked off."""

from __future__ import annotations

from dataclasses import dataclass

from intake.domain.errors import Overloaded


@dataclass(frozen=True, slots=True)
class Load:
    """`outbox_rows`: committed groups of messages not yet published; `outbox_age_s`: age of the oldest.

    `slowest_s`: the longest that a transaction took lately, or is taking now, waiting for a connection included.
    `database_away`, `vault_away`: nothing could be stored, or not be sealed.
    """

    outbox_rows: int = 0
    outbox_age_s: float = 0.0
    slowest_s: float = 0.0
    database_away: bool = False
    vault_away: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """A long outage of the broker is ridden out up to these bounds; nothing accepted is ever dropped."""

    outbox_rows: int = 20_000
    outbox_age_s: float = 900.0
    slowest_s: float = 2.0
    waiting: int = 2_048
    """Requests waiting for a transaction in this process."""


RETRY_AFTER = {
    "vault_away": 10,
    "database_away": 2,
    "database_slow": 2,
    "too_many_waiting": 1,
    "outbox_full": 10,
    "outbox_stuck": 30,
}
"""Codes of refusals, each with the seconds after which it pays to come back; the first that applies is told."""


def refuse_if_overloaded(load: Load, waiting: int, limits: Limits) -> None:
    """Raises Overloaded if a bound is passed."""
    refusal = refusal_of(load, waiting, limits)
    if refusal is not None:
        raise refusal


def refusal_of(load: Load, waiting: int, limits: Limits) -> Overloaded | None:
    """The refusal that the load asks for; None if there is room."""
    applies = {
        "vault_away": load.vault_away,
        "database_away": load.database_away,
        "database_slow": load.slowest_s >= limits.slowest_s,
        "too_many_waiting": waiting >= limits.waiting,
        "outbox_full": load.outbox_rows >= limits.outbox_rows,
        "outbox_stuck": load.outbox_age_s >= limits.outbox_age_s,
    }
    reason = next((reason for reason in RETRY_AFTER if applies[reason]), None)
    return None if reason is None else Overloaded(reason, RETRY_AFTER[reason])
