"""Named SQL: all statements of a package in files, each with a name and a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

from lethe_postgres.errors import QueryFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"^-- name: *([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


class Queries(Mapping[str, str]):
    """Name → SQL. A missing name raises KeyError listing the names that exist."""

    def __init__(self, statements: Mapping[str, str], origin: str) -> None:
        self._statements = dict(statements)
        self._origin = origin

    def __getitem__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            known = ", ".join(sorted(self._statements))
            raise KeyError(f"no query {name!r} in {self._origin}; it has: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


def load_queries(package: str, name: str = "queries.sql") -> Queries:
    """Read `<package>/sql/<name>`.

    Each statement begins with `-- name: the_name`, then at least one comment line that says what it does.
    Raises QueryFileError if a name appears twice, or has no sentence or no SQL.
    """
    file = resources.files(package).joinpath("sql", name)
    return parse_queries(file.read_text(encoding="utf-8"), f"{package}/sql/{name}")


def parse_queries(text: str, origin: str) -> Queries:
    """The statements of one file. Raises QueryFileError as `load_queries` does."""
    parts = _NAME.split(text)
    if len(parts) == 1:
        raise QueryFileError(f"{origin}: no `-- name:` line; put one above each statement")
    statements: dict[str, str] = {}
    for query, body in zip(parts[1::2], parts[2::2], strict=True):
        if query in statements:
            raise QueryFileError(f"{origin}: two queries are named {query}; rename one")
        lines = body.strip().splitlines()
        sql = "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip().rstrip(";")
        if not lines or not lines[0].startswith("-- "):
            raise QueryFileError(f"{origin}: {query} has no sentence; say below its name what it does")
        if not sql:
            raise QueryFileError(f"{origin}: {query} has no SQL")
        statements[query] = sql
    return Queries(statements, origin)
