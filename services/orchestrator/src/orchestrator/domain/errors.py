"""Errors of the sagas.

SagaError
├── IllegalTransition   Permanent: decide reached a state that its tables do not list; a bug, never data
├── RegisterRefused     Permanent: processors of a controller wait for each other in a circle
├── HistoryBroken       Permanent: a recorded history does not replay, or its chain was tampered with
└── Refused             Rejected: an act that the saga does not allow; names what to do instead

A message that makes no sense is no exception: `decide` answers REJECTED, it is parked and the partition goes on.
"""

from __future__ import annotations


class SagaError(Exception):
    """Base of all errors of this service's domain."""


class IllegalTransition(SagaError):
    """The tables do not list where an event led. The batch is rolled back and its message parked."""


class RegisterRefused(SagaError):
    """This version of the register cannot be planned with; the one before stays in force."""


class HistoryBroken(SagaError):
    """What is recorded is not what this code would do, or not what was recorded."""


class Refused(SagaError):
    """A person's act was refused. `code` is stable; the text says what to do next."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
