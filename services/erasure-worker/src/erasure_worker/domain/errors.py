"""Errors of erasing.

ErasureError
├── LedgerBroken     Permanent: the ledger of effects lacks what this worker wrote a moment before
├── NobodyCalls      Rejected: the register has no processor of this name that calls back
├── CallDisbelieved  Rejected: signature or time of a vendor's call are not as agreed
└── CallUnreadable   Rejected: a believed call does not say which job ended how
"""

from __future__ import annotations


class ErasureError(Exception):
    """The text says what to do and never holds personal data."""


class LedgerBroken(ErasureError):
    """Somebody changed the table `effect` by hand: see who, before anything more is erased."""


class NobodyCalls(ErasureError):
    """Nothing is told of the call: nobody knows whose it is."""


class CallDisbelieved(ErasureError):
    """Which check failed is counted, and not told to the caller."""


class CallUnreadable(ErasureError):
    """The vendor changed the shape of its calls: correct `callback` in the register."""
