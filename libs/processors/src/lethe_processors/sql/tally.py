"""Per person: what was done to how many rows, what is kept and why, and a hash over which rows these were."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, defaultdict
from dataclasses import dataclass, field
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

    uncounted: Counter[tuple[str, Method]] = field(default_factory=Counter)
    """Rows that are known by number only."""

    def add(self, collection: str, method: Method, keys: Iterable[Value]) -> None:
        self.rows[collection, method].update(keys)

    def keep(self, collection: str, retain: Retain, key: Value, until: datetime | None) -> None:
        """A row kept by several rules of one ground is kept until the last of them ends."""
        rows = self.kept[collection, retain.category, retain.ground, retain.article]
        other = rows.get(key, until)
        rows[key] = None if until is None or other is None else max(until, other)

    def counts(self) -> tuple[Count, ...]:
        numbers = Counter({at: len(keys) for at, keys in self.rows.items() if keys}) + self.uncounted
        return tuple(Count(collection=c, method=m, rows=n) for (c, m), n in sorted(numbers.items()))

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
        """A hash over task, collections, methods and sorted primary keys; keyed where the processor has a key.

        It can be made again from the same keys, and compared; nobody without the key can find the keys by trying.
        """
        lines = [
            f"{name}\x1f{method.value}\x1f{text_of(k)}" for (name, method), keys in self.rows.items() for k in keys
        ]
        lines += {f"{name}\x1fkept\x1f{text_of(k)}" for (name, *_), kept in self.kept.items() for k in kept}
        lines.sort()
        content = "\n".join([str(task_id), *lines]).encode()
        if key is None:
            return (Evidence(kind="row_keys", sha256=hashlib.sha256(content).hexdigest()),)
        return (Evidence(kind="row_keys_hmac", sha256=hmac.new(key, content, hashlib.sha256).hexdigest()),)


def text_of(key: Value) -> str:
    return str(key[0]) if len(key) == 1 else "\x1f".join(map(str, key))
