"""What a person does to messaging: move a partition, look into the parking lot, retry or discard what lies there."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from lethe_events import Record
from lethe_messaging.outbox import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from lethe_messaging.work import Work
    from lethe_postgres import Database


class ParkedGroup(NamedTuple):
    topic: str
    code: str
    waiting: int


async def set_offset(database: Database, topic: str, next_offset: int, partition: int | None = None) -> int:
    """Let `partition` (None: all of the topic) go on at `next_offset`; returns how many partitions were moved.

    Going back handles messages again, which must have no effect twice; going forward leaves messages out for good.
    Whoever consumes the partition now is fenced, and goes on from the new place within seconds.
    """
    return len(await database.fetch(sql()["set_offset"], topic, partition, next_offset))


async def parked_groups(database: Database) -> list[ParkedGroup]:
    """What waits in the parking lot, by topic and error code."""
    rows = await database.fetch(sql()["parked_counts"])
    return [ParkedGroup(row["topic"], row["code"], row["waiting"]) for row in rows]


async def retry_parked(work: Work, topic: str, *, code: str | None, note: str, limit: int = 1000) -> int:
    """Send up to `limit` parked messages of a topic (of one code, or all) to their topic again; returns how many."""
    rows = await work.tx.fetch(sql()["parked_for_change"], topic, code, limit)
    work.send([_record(row) for row in rows])
    await _settle(work, rows, "retried", note)
    return len(rows)


async def discard_parked(work: Work, topic: str, *, code: str | None, note: str, limit: int = 1000) -> int:
    """Settle up to `limit` parked messages without handling them, for the reason in `note`; returns how many."""
    rows = await work.tx.fetch(sql()["parked_for_change"], topic, code, limit)
    await _settle(work, rows, "discarded", note)
    return len(rows)


async def _settle(work: Work, rows: Sequence[asyncpg.Record], state: str, note: str) -> None:
    await work.tx.execute(
        sql()["settle_parked"],
        [row["topic"] for row in rows],
        [row["part"] for row in rows],
        [row["record_offset"] for row in rows],
        state,
        note,
    )


def _record(row: asyncpg.Record) -> Record:
    headers = tuple((name, base64.b64decode(content)) for name, content in row["headers"])
    return Record(row["topic"], row["key"] or b"", row["value"] or b"", headers)
