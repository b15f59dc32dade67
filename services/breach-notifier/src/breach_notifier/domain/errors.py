"""Errors of the breach cases.

BreachCaseError
├── IllegalTransition   Permanent: decide reached a state that its tables do not list; a bug, never data
├── Refused             Rejected: the case does not allow what a person wants; `detail` says what to do
├── HistoryBroken       Permanent: a recorded history does not replay, or its chain was tampered with
└── ImpossibleScope     Permanent: a window that ends before it starts

What makes no sense as an event is no exception: `decide` answers REJECTED.
"""

from __future__ import annotations


class BreachCaseError(Exception):
    """Base of all errors of this service's domain."""


class IllegalTransition(BreachCaseError):
    """The tables do not list where an event led."""


class HistoryBroken(BreachCaseError):
    """What is recorded is not what was recorded, or not what this code would do."""


class ImpossibleScope(BreachCaseError):
    """The window of an incident ends before it starts, or has no zone."""


class Refused(BreachCaseError):
    """What a person wants is not possible. Nothing was changed. `fields`: those of a notice that are at fault."""

    def __init__(self, code: str, detail: str, fields: tuple[int, ...] = ()) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.fields = fields
