"""Errors of the law.

LawError
├── ClockError           no date can be told from these inputs
│   └── UnsupportedPlace no rules or calendar for this country and regime
└── CaseError            a row of worked cases that is not in the expected form
"""

from __future__ import annotations


class LawError(Exception):
    """Base. The same inputs give the same error: asking again does not help."""


class ClockError(LawError):
    """No date can be told from these inputs: a naive instant, or events that contradict each other."""


class UnsupportedPlace(ClockError):
    """No rules or calendar for this country and regime; the text lists those there are."""


class CaseError(LawError):
    """A row of worked cases is not in the expected form."""
