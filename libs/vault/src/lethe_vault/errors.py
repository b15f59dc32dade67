"""Errors of the vault. None of their texts holds an identifier, a key or a note.

VaultError
├── Transient            the same call may succeed later
│   └── Replaced         the document was written anew while it was read: open it again
├── Permanent            a person has to look
│   ├── Tampered         what is stored is not what was sealed
│   ├── KeyMissing       the master key that wraps this data is not at hand
│   └── KeyFileRefused   the file of master keys is absent, unreadable, or readable by others
└── Rejected             the call itself cannot be granted
    ├── AlreadySealed    this DSR was sealed before
    ├── Gone             never sealed, or shredded
    └── WrongOwner       the document belongs to another DSR
"""

from __future__ import annotations

import asyncpg

import lethe_postgres


class VaultError(Exception):
    """Base of all of them."""


class Transient(VaultError, lethe_postgres.Transient):
    """The same call may succeed later."""


class Permanent(VaultError):
    """Trying again will not help."""


class Rejected(VaultError):
    """The call contradicts what is stored."""


class Replaced(Transient):
    """The document was written anew while it was read. Open it again."""


class Tampered(Permanent):
    """Authentication failed: the stored bytes, or what they are bound to, were changed outside the vault."""


class KeyMissing(Permanent):
    """The master key named in the text is not in the key provider. Bring it back: without it the data is lost."""


class KeyFileRefused(Permanent):
    """The text says what is wrong with the file and how to mend it."""


class AlreadySealed(Rejected):
    """A DSR is sealed once; its id is never used again, not even after shredding."""


class Gone(Rejected):
    """Nothing is sealed under this id: never was, or it was shredded."""


class WrongOwner(Rejected):
    """The document id is taken by another DSR."""


def translate(error: asyncpg.PostgresError) -> Exception:
    """The vault's error for what one of its functions raised; `error` itself where it means nothing special."""
    if isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == "sealed_pkey":
        return AlreadySealed("one of the DSRs is sealed already; every DSR needs an id of its own")
    if error.sqlstate == "LV001":
        return Rejected("collect needs a redemption that was committed within the last minute: announce it again")
    if error.sqlstate == "LV002":
        return Gone("nothing is sealed under this id: it was never sealed, or it was shredded")
    if error.sqlstate == "LV003":
        return WrongOwner("the document id belongs to another DSR: choose a new one")
    return error
