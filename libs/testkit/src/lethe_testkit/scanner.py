"""Looks for planted values wherever Lethe could have left them: topics, tables, logs, metrics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import asyncpg
import httpx

from lethe_events.topics import TOPICS, tasks_of
from lethe_messaging import KafkaSettings
from lethe_messaging.admin import read_all
from orchestrator.adapters.packing import content_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lethe_testkit.stack import Stack

SERVICES = ("intake", "orchestrator", "erasure_worker", "export_worker", "breach_notifier")
SEALED = frozenset({"vault"})
"""Schemas that hold personal data on purpose, sealed."""


class Scanner:
    """`planted`: values that no other source produces. Finding one anywhere is a leak.

    Each is looked for as it is, lower-cased, and as PostgreSQL prints bytes (hex), so that neither case nor encoding
    hides it.
    """

    def __init__(self, planted: Iterable[str]) -> None:
        self._needles: dict[bytes, str] = {}
        for value in planted:
            for form in {value, value.lower()}:
                self._needles[form.encode()] = value
                self._needles[form.encode().hex().encode()] = value

    def hits(self, where: str, content: bytes) -> list[str]:
        return [f"{where}: {value}" for needle, value in self._needles.items() if needle in content]

    async def topics(self, bootstrap: str) -> tuple[list[str], Mapping[str, int]]:
        """Leaks in keys, values and headers of every topic, and how many records each holds."""
        settings = KafkaSettings(bootstrap)
        names = [topic.name for topic in TOPICS] + [tasks_of("warehouse").name]
        found: list[str] = []
        counts: dict[str, int] = {}
        for topic in names:
            records = await read_all(settings, topic)
            counts[topic] = len(records)
            for record in records:
                parts = [record.key or b"", record.value or b"", *(v for _, v in record.headers)]
                found += self.hits(f"topic {topic}", b"\x00".join(parts))
        return found, counts

    async def tables(self, dsn: str) -> tuple[list[str], Mapping[str, int]]:
        """Leaks in every row of every table outside the vault, and how many rows each table holds."""
        connection = await asyncpg.connect(dsn)
        found: list[str] = []
        counts: dict[str, int] = {}
        try:
            for row in await connection.fetch(
                "SELECT schemaname AS s, tablename AS t FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"
            ):
                if row["s"] in SEALED:
                    continue
                name = f'"{row["s"]}"."{row["t"]}"'
                texts = await connection.fetch(f"SELECT t::text AS line FROM {name} t")
                counts[f"{row['s']}.{row['t']}"] = len(texts)
                for line in texts:
                    found += self.hits(f"table {name}", line["line"].encode())
            if "orchestrator.audit_event" in counts:  # not every database is Lethe's own
                for row in await connection.fetch("SELECT content, packed FROM orchestrator.audit_event"):
                    found += self.hits("packed links", content_of(row).encode())
        finally:
            await connection.close()
        return found, counts

    def logs(self, stack: Stack) -> list[str]:
        return [
            hit
            for name in (*SERVICES, "kafka", "postgres")
            for hit in self.hits(f"log {name}", stack.log(name).encode())
        ]

    async def metrics(self, stack: Stack) -> list[str]:
        found: list[str] = []
        async with httpx.AsyncClient() as client:
            for name in SERVICES:
                answer = await client.get(f"{stack.url(name)}/metrics")
                own = re.search(rb"^dsr_|^breach_|^process_", answer.content, re.MULTILINE)
                assert own, f"{name} exports no metrics"
                found += self.hits(f"metrics {name}", answer.content)
        return found
