"""Codes of failures. The server's own texts may quote a person's data, so they never leave this module."""

from __future__ import annotations

import asyncpg

from lethe_postgres import is_transient
from lethe_processors.connector import Answer
from lethe_processors.errors import CredentialMissing

_PERMANENT = {
    "22003": "value_out_of_range",
    "22001": "value_too_long",
    "23502": "column_not_null",
    "23503": "referenced_by_other_rows",
    "23505": "value_not_unique",
    "23514": "check_violated",
    "3D000": "missing_database",
    "3F000": "missing_schema",
    "42501": "insufficient_privilege",
    "42P01": "missing_table",
    "42703": "missing_column",
    "0A000": "not_supported_by_database",
}
_TRANSIENT = {
    "25006": "database_read_only",
    "40001": "serialization_failure",
    "40P01": "deadlock",
    "55P03": "lock_timeout",
    "57014": "statement_timeout",
}
STALE_PLAN = frozenset({"missing_table", "missing_column", "referenced_by_other_rows", "missing_schema"})
"""Codes after which the database is looked at anew: it is not what it was."""


def code_of(error: BaseException) -> str:
    if isinstance(error, CredentialMissing):
        return "credential_missing"
    state = getattr(error, "sqlstate", None) if isinstance(error, asyncpg.PostgresError) else None
    if state in _TRANSIENT:
        return _TRANSIENT[state]
    if is_transient(error):
        return "database_overloaded" if (state or "")[:2] == "53" else "database_unavailable"
    if isinstance(state, str):
        refused = "credential_refused" if state[:2] == "28" else f"sqlstate_{state.lower()}"
        return _PERMANENT.get(state, refused)
    return "database_error"


def answer_of(error: BaseException) -> Answer:
    """Whether the same task may succeed later, and a code that docs/datasets.md explains."""
    code = code_of(error)
    return Answer.transient(code) if is_transient(error) else Answer.permanent(code)


def is_database_error(error: BaseException) -> bool:
    """Errors of the processor, which become answers; anything else is a programming error and is raised."""
    known = asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError
    return isinstance(error, known | OSError | TimeoutError | CredentialMissing) or is_transient(error)
