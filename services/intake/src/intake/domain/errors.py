"""Why a request is not accepted.

IntakeError
├── InvalidSubmission   rejected: fields to correct, each with what to do
├── KeyReused           rejected: the idempotency key belongs to another request
└── Overloaded          transient: nothing was accepted; come back after `retry_after` seconds
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Fault(NamedTuple):
    """One thing wrong with one field. Never repeats the value: it may be personal data."""

    field: str
    message: str
    fix: str


class IntakeError(Exception):
    """Base of intake's refusals. Nothing was changed."""


class InvalidSubmission(IntakeError):
    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(", ".join(f"{f.field} {f.message}" for f in faults))
        self.faults = tuple(faults)


class KeyReused(IntakeError):
    """The same idempotency key came with another body."""


class Overloaded(IntakeError):
    """More is waiting than can be worked off soon. `reason` is a code, `retry_after` whole seconds."""

    def __init__(self, reason: str, retry_after: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
