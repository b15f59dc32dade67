"""PostgreSQL for Lethe: one pool per process and schema, transactions, migrations, named SQL, crash points."""

from lethe_postgres.asking import Connection, Lookout, Opened
from lethe_postgres.crash import crashpoint
from lethe_postgres.database import Database, Tx
from lethe_postgres.errors import (
    CommitUnknown,
    DatabaseError,
    MigrationError,
    Permanent,
    QueryFileError,
    TransactionAborted,
    Transient,
)
from lethe_postgres.migrations import migrate
from lethe_postgres.queries import Queries, load_queries
from lethe_postgres.transience import is_transient, lost_connection

__all__ = [
    "CommitUnknown",
    "Connection",
    "Database",
    "DatabaseError",
    "Lookout",
    "MigrationError",
    "Opened",
    "Permanent",
    "Queries",
    "QueryFileError",
    "TransactionAborted",
    "Transient",
    "Tx",
    "crashpoint",
    "is_transient",
    "load_queries",
    "lost_connection",
    "migrate",
]
