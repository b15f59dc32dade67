"""The journal of operations: what people did to messaging, when and why, as a chain of hashes per schema."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, NamedTuple

from lethe_events.canonical import GENESIS, canonical, sha256_hex
from lethe_messaging.outbox import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lethe_postgres import Database, Tx


class Person(NamedTuple):
    """Who acts, and why. `reason` is a code of the deployer's own, never free text: it may not hold personal data."""

    name: str
    reason: str


class Entry(NamedTuple):
    """`content` is canonical JSON; `hash` (hex) is over the hash before, a line feed and `content`."""

    seq: int
    hash: str
    content: str


async def record(tx: Tx, act: str, person: Person, done: Mapping[str, object]) -> Entry:
    """Append what is done in this transaction; nobody else appends until it ends. `done` holds no floats."""
    await tx.execute("LOCK TABLE operation IN SHARE ROW EXCLUSIVE MODE")
    head = await tx.fetchrow(sql()["head_of_operations"])
    now = await tx.fetchval("SELECT clock_timestamp()")
    seq, previous = (head["seq"] + 1, head["hash"].hex()) if head else (1, GENESIS)
    content = {
        "seq": seq,
        "at": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "act": act,
        "by": person.name,
        "reason": person.reason,
        "done": dict(done),
    }
    entry = _link(seq, previous, canonical(content).decode())
    await tx.execute(sql()["append_operation"], entry.seq, bytes.fromhex(entry.hash), entry.content)
    return entry


async def entries(database: Database, after: int = 0, limit: int = 200) -> list[Entry]:
    """The chain behind entry number `after`, oldest first."""
    rows = await database.fetch(sql()["operations"], after, limit)
    return [Entry(row["seq"], row["hash"].hex(), row["content"]) for row in rows]


def first_broken(chain: Iterable[Entry], after: int = 0, head: str = GENESIS) -> int | None:
    """Number of the first entry that does not fit behind the one before it (`after`, `head`); None if all do."""
    for expected, entry in enumerate(chain, start=after + 1):
        if entry.seq != expected or json.loads(entry.content).get("seq") != expected:
            return expected
        if _link(entry.seq, head, entry.content).hash != entry.hash:
            return expected
        head = entry.hash
    return None


def _link(seq: int, previous: str, content: str) -> Entry:
    return Entry(seq, sha256_hex(f"{previous}\n{content}".encode()), content)
