"""A described database of a test's own: register and dataset files, connectors on it, what its tables hold."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import asyncpg
import yaml

from lethe_events.words import Verb
from lethe_processors import connector_for
from lethe_processors.credentials import Credentials
from lethe_processors.register import load_register
from lethe_testkit import tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lethe_processors.connector import Connector, WorkItem
    from lethe_processors.register import Processor

KEY = "an invented key of more than 32 bytes"
HEAD = "dataset:\n  - fides_key: tiny\n    collections:\n"
MEMBERS = """
      - name: members
        lethe: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
"""
"""A collection of people with `id` and `email`, for datasets that go on from there."""
OF_MEMBER = "fides_meta: {references: [{dataset: tiny, field: members.id, direction: from}]}"
READ, WRITE = "DESCRIBED_READ_DSN", "DESCRIBED_WRITE_DSN"


def write_register(directory: Path, dataset: str, *, name: str = "tiny", **changes: object) -> Path:
    """One processor `name` with its dataset file; returns the directory. `changes` are fields of the processor."""
    (directory / "datasets").mkdir(parents=True, exist_ok=True)
    (directory / "datasets" / f"{name}.yaml").write_text(dataset, encoding="utf-8")
    connector = {"kind": "sql", "dataset": f"datasets/{name}.yaml", "read": f"env:{READ}", "write": f"env:{WRITE}"}
    entry = {**tasks.entry(name), "connector": {**connector, "key": "env:DESCRIBED_KEY"}, **changes}
    (directory / f"{name}.yaml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    return directory


def described(directory: Path, dataset: str, *, name: str = "tiny", **changes: object) -> Processor:
    """The loaded entry. Raises RegisterError."""
    return load_register(write_register(directory, dataset, name=name, **changes)).processors[name]


def connect(processor: Processor, dsn: str, *, read: str | None = None, ordinary: str | None = None) -> Connector:
    """The caller closes it."""
    environ = {READ: read or dsn, WRITE: dsn, "DESCRIBED_KEY": KEY, "DESCRIBED_ORDINARY_DSN": ordinary or dsn}
    environ |= {"SHOP_READ_DSN": read or dsn, "SHOP_WRITE_DSN": dsn, "SHOP_KEY": KEY}
    return connector_for(processor, Credentials(environ))


def person(number: int, **identifiers: str) -> WorkItem:
    """A work item of the n-th person, with these identifiers (or the e-mail address of the n-th person)."""
    return tasks.item("tiny", Verb.ERASE, number, **identifiers)


class Bench:
    """Makes a connector from the SQL of some tables and their dataset; closes what it made.

    `categories`: what the register lists beside the few that most tests need. `changes`: other fields of the entry.
    """

    def __init__(self, directory: Path, dsn: str, *categories: str, **changes: Any) -> None:
        self._directory = directory
        self._changes = changes
        self._categories = ["user.contact", "user.name", "user.unique_id", *categories]
        self.dsn = dsn
        self._made: list[Connector] = []

    async def __call__(self, tables: str, dataset: str) -> Connector:
        await run_sql(self.dsn, tables)
        entry = described(self._directory, dataset, data_categories=self._categories, **self._changes)
        self._made.append(connect(entry, self.dsn))
        return self._made[-1]

    async def close(self) -> None:
        for connector in self._made:
            await connector.close()


class Collected:
    """An export sink that keeps everything. `records`: task → collection → records."""

    def __init__(self) -> None:
        self.records: dict[object, dict[str, list[Mapping[str, object]]]] = defaultdict(lambda: defaultdict(list))
        self.left_out: dict[object, dict[str, tuple[set[str], int]]] = defaultdict(dict)

    async def write(self, item: WorkItem, collection: str, records: Sequence[Mapping[str, object]]) -> None:
        json.dumps(records, allow_nan=False)
        self.records[item.task.task_id][collection] += records

    async def masked(self, item: WorkItem, collection: str, fields: Iterable[str], rows: int) -> None:
        self.left_out[item.task.task_id][collection] = (set(fields), rows)

    def of(self, item: WorkItem) -> dict[str, list[Mapping[str, object]]]:
        return self.records[item.task.task_id]

    def text(self, item: WorkItem) -> str:
        return json.dumps(self.of(item), ensure_ascii=False)


async def run_sql(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(dsn: str, sql: str, *arguments: object) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *arguments)]
    finally:
        await connection.close()


async def snapshot(dsn: str, schema: str = "public") -> dict[str, set[str]]:
    """Table → its rows as JSON text, for comparing before and after."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
        return {
            name: {row[0] for row in await connection.fetch(f'SELECT to_jsonb(t)::text FROM "{schema}"."{name}" t')}
            for (name,) in tables
        }
    finally:
        await connection.close()
