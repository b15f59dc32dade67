"""Errors of the law of breaches.

LawError
└── BreachError          an input that makes no sense
    ├── UnknownRegime    no rules for this law; the text lists those there are
    ├── ImpossibleFacts  a fact outside what it can be: a negative number, an unknown word
    └── UnknownField     the notification form has no such field or option
"""

from __future__ import annotations

from lethe_law.errors import LawError


class BreachError(LawError):
    """Base."""


class UnknownRegime(BreachError):
    """No breach rules for this law at this date."""


class ImpossibleFacts(BreachError):
    """A fact that cannot be; the text names the fact and what it may be, never a value that was given."""


class UnknownField(BreachError):
    """The notification form has no such field, or the field no such option."""
