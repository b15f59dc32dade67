"""What the database says about the tables that a dataset describes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_postgres import load_queries
from lethe_processors.sql import names

if TYPE_CHECKING:
    from asyncpg import Record

    from lethe_postgres import Tx
    from lethe_processors.dataset import Dataset


class Family(StrEnum):
    """Types whose values compare with each other and arrive as one Python type."""

    INTEGER = "integer"
    NUMERIC = "numeric"
    TEXT = "text"
    UUID = "uuid"
    DATE = "date"
    MOMENT = "moment"
    BYTES = "bytes"
    BOOLEAN = "boolean"
    JSON = "json"
    FLOAT = "float"
    OTHER = "other"


_FAMILIES = {
    "smallint": Family.INTEGER,
    "integer": Family.INTEGER,
    "bigint": Family.INTEGER,
    "numeric": Family.NUMERIC,
    "text": Family.TEXT,
    "character varying": Family.TEXT,
    "character": Family.TEXT,
    "bpchar": Family.TEXT,
    "citext": Family.TEXT,
    "name": Family.TEXT,
    "uuid": Family.UUID,
    "date": Family.DATE,
    "timestamp without time zone": Family.MOMENT,
    "timestamp with time zone": Family.MOMENT,
    "bytea": Family.BYTES,
    "boolean": Family.BOOLEAN,
    "json": Family.JSON,
    "jsonb": Family.JSON,
    "real": Family.FLOAT,
    "double precision": Family.FLOAT,
}


@dataclass(frozen=True, slots=True)
class Column:
    """`type` without length; `max_length` in characters, for character types that have one."""

    name: str
    type: str
    not_null: bool
    generated: bool
    max_length: int | None
    can_select: bool
    can_update: bool

    @property
    def family(self) -> Family:
        return _FAMILIES.get(self.type.rsplit(".", 1)[-1], Family.OTHER)

    @property
    def array(self) -> str:
        """The type of an array of its values, as a parameter is cast."""
        # an array of `character` would be one of character(1)
        return "bpchar[]" if self.type == "character" else f"{self.type}[]"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A constraint that ends at a described table. `source` is None where it begins at an undescribed one."""

    name: str
    quoted_name: str
    source: str | None
    source_table: str
    source_columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_delete: str
    deferrable: bool
    enforced: bool
    readable: bool

    @property
    def blocks(self) -> bool:
        """Deleting the row it points to is an error (NO ACTION, RESTRICT), rather than changing rows by itself."""
        return self.on_delete in {"a", "r"}


@dataclass(frozen=True, slots=True)
class Table:
    collection: str
    quoted: str
    kind: str
    columns: dict[str, Column]
    keys: tuple[tuple[str, ...], ...]
    index_heads: frozenset[str]
    can_select: bool
    can_delete: bool
    can_insert: bool
    rows_hidden: bool

    def is_key(self, columns: tuple[str, ...]) -> bool:
        """Whether at most one row has given values in these columns."""
        return any(set(key) <= set(columns) for key in self.keys)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Only tables that exist; what is described and missing is for the plan to tell."""

    tables: dict[str, Table]
    foreign_keys: tuple[ForeignKey, ...]


async def read_catalog(tx: Tx, dataset: Dataset) -> Catalog:
    """Four statements. Sees what the connected role may see; the rights told are those of that role."""
    queries = load_queries("lethe_processors", "catalog.sql")
    quoted = {c.name: names.table(c.name, dataset.schema) for c in dataset.collections}
    tables = await tx.fetch(queries["tables"], list(quoted), list(quoted.values()))
    oids = [row["oid"] for row in tables]
    columns: dict[int, dict[str, Column]] = defaultdict(dict)
    for row in await tx.fetch(queries["columns"], oids):
        columns[row["oid"]][row["name"]] = _column(row)
    keys: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    heads: dict[int, set[str]] = defaultdict(set)
    for row in await tx.fetch(queries["indexes"], oids):
        heads[row["oid"]].add(row["head"])
        if row["is_key"]:
            keys[row["oid"]].append(tuple(row["columns"]))
    by_oid = {row["oid"]: row["collection"] for row in tables}
    found = {
        row["collection"]: Table(
            collection=row["collection"],
            quoted=quoted[row["collection"]],
            kind=row["kind"],
            columns=columns[row["oid"]],
            keys=tuple(keys[row["oid"]]),
            index_heads=frozenset(heads[row["oid"]]),
            can_select=row["can_select"],
            can_delete=row["can_delete"],
            can_insert=row["can_insert"],
            rows_hidden=row["rows_hidden"],
        )
        for row in tables
    }
    foreign = await tx.fetch(queries["foreign_keys"], oids)
    return Catalog(found, tuple(sorted((_foreign_key(r, by_oid) for r in foreign), key=lambda f: f.quoted_name)))


def _column(row: Record) -> Column:
    return Column(
        name=row["name"],
        type=row["type"],
        not_null=row["not_null"],
        generated=row["generated"],
        max_length=row["max_length"],
        can_select=row["can_select"],
        can_update=row["can_update"],
    )


def _foreign_key(row: Record, by_oid: dict[int, str]) -> ForeignKey:
    return ForeignKey(
        name=row["name"],
        quoted_name=row["quoted_name"],
        source=by_oid.get(row["source"]),
        source_table=row["source_table"],
        source_columns=tuple(row["source_columns"]),
        target=by_oid[row["target"]],
        target_columns=tuple(row["target_columns"]),
        on_delete=row["on_delete"],
        deferrable=row["deferrable"],
        enforced=row["enforced"],
        readable=row["readable"],
    )
