"""Errors of erasing.

ErasureError
└── LedgerBroken  Permanent: the ledger of effects lacks what this worker wrote a moment before
"""

from __future__ import annotations


class ErasureError(Exception):
    """The text says what to do and never holds personal data."""


class LedgerBroken(ErasureError):
    """Somebody changed the table `effect` by hand: see who, before anything more is erased."""
