"""Errors of the database layer.

DatabaseError
├── Transient            the same work may succeed when it is done again
│   └── CommitUnknown    the connection was lost during COMMIT: read what is stored, do not assume
└── Permanent            doing the same again fails the same way
    ├── TransactionAborted   a statement failed, its error was swallowed, and COMMIT became ROLLBACK
    ├── MigrationError
    └── QueryFileError
"""

from __future__ import annotations


class DatabaseError(Exception):
    """Base of what this library raises itself; errors of asyncpg pass through, see `is_transient`."""


class Transient(DatabaseError):
    """Worth doing again, after a pause. Other libraries may subclass it; `is_transient` knows it."""


class CommitUnknown(Transient):
    """The connection was lost while COMMIT was under way: the work may be stored or not."""


class Permanent(DatabaseError):
    """Doing the same again fails the same way."""


class TransactionAborted(Permanent):
    """An earlier statement had failed, so PostgreSQL answered COMMIT with ROLLBACK. Nothing is stored."""


class MigrationError(Permanent):
    """The schema cannot be brought to this version; the text says what a person has to do."""


class QueryFileError(Permanent):
    """A file of named SQL is not in the expected form."""
