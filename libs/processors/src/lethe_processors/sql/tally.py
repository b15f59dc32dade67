"""Per person: what was done to how many rows, what is kept and why, and a hash over which rows these were."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from lethe_events.models import Count, Evidence, Retained

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from lethe_events.words import Method
    from lethe_processors.dataset.model import Retain
    from lethe_processors.sql.keys import Value


@dataclass(slots=True)
class Tally:
    """Of one person. A row counts once per method, however many statements touched it."""

    rows: dict[tuple[str, Method], set[Value]] = field(default_factory=lambda: defaultdict(set))
    kept: dict[tuple[str, str, str, str], dict[Value, datetime | None]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    uncounted: dict[tuple[str, Method], int] = field(default_factory=dict)
    """Rows that are known by number only."""
    shares: dict[tuple[str, Method], tuple[int, str]] = field(default_factory=dict)
    """Number of rows and `digest_of` their keys, where PostgreSQL itself counted; those are in no other of these."""

    def add(self, collection: str, method: Method, keys: Iterable[Value]) -> None:
        self.rows[collection, method].update(keys)

    def keep(self, collection: str, retain: Retain, key: Value, until: datetime | None) -> None:
        """A row kept by several rules of one ground is kept until the last of them ends."""
        for category in (retain.category, *retain.also):
            rows = self.kept[collection, category, retain.ground, retain.article]
            other = rows.get(key, until)
            rows[key] = None if until is None or other is None else max(until, other)

    def counts(self) -> tuple[Count, ...]:
        numbers = {at: len(keys) for at, keys in self.rows.items() if keys}
        numbers |= {at: rows for at, (rows, _) in self.shares.items()}
        for at, rows in self.uncounted.items():
            numbers[at] = numbers.get(at, 0) + rows
        return tuple(_count(c, m, n) for (c, m), n in sorted(numbers.items()) if n)

    def retained(self) -> tuple[Retained, ...]:
        """`until` is the last end among the rows; None if one of them has no known end."""
        found = []
        for (collection, category, ground, article), rows in sorted(self.kept.items()):
            ends = list(rows.values())
            known = [e for e in ends if e is not None]
            found.append(
                Retained(
                    collection=collection,
                    category=category,
                    rows=len(rows),
                    ground=ground,
                    article=article,
                    until=max(known) if len(known) == len(ends) else None,
                )
            )
        return tuple(found)

    def evidence(self, task_id: UUID, key: bytes | None) -> tuple[Evidence, ...]:
        """A hash over task, collections, methods and `digest_of` the primary keys; keyed where the processor has a key.

        It can be made again from the same keys, and compared; nobody without the key can find the keys by trying.
        """
        lines = [f"{name}\x1f{method.value}\x1f{digest_of(keys)}" for (name, method), keys in self.rows.items() if keys]
        lines += [f"{name}\x1f{method.value}\x1f{digest}" for (name, method), (_, digest) in self.shares.items()]
        kept: dict[str, set[Value]] = defaultdict(set)
        for (name, *_), held in self.kept.items():
            kept[name].update(held)
        lines += [f"{name}\x1fkept\x1f{digest_of(keys)}" for name, keys in kept.items()]
        lines.sort()
        content = "\n".join([str(task_id), *lines]).encode()
        if key is None:
            return (Evidence(kind="row_keys", sha256=hashlib.sha256(content).hexdigest()),)
        return (Evidence(kind="row_keys_hmac", sha256=hmac.digest(key, content, "sha256").hex()),)


@lru_cache(4096)
def _count(collection: str, method: Method, rows: int) -> Count:
    """Most people have few rows, so that a handful of counts serves them all."""
    return Count(collection=collection, method=method, rows=rows)


def digest_of(keys: Iterable[Value]) -> str:
    """SHA-256 (hex) over the keys as text, by code point, one a line; `branch_sql` has PostgreSQL do the same."""
    return hashlib.sha256("\n".join(sorted(map(text_of, keys))).encode("utf-8", "backslashreplace")).hexdigest()


def text_of(key: Value) -> str:
    return str(key[0]) if len(key) == 1 else "\x1f".join(map(str, key))
