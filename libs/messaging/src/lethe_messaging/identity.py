"""Whether a topic is still the one whose offsets are stored.

Made again under its old name, a topic begins at 0 anew. Where it has grown beyond a stored offset, the broker would
answer as if nothing had happened, and the records before that offset would never be read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lethe_messaging.outbox import sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from lethe_messaging.cursor import Cursor
    from lethe_postgres import Database

log = logging.getLogger(__name__)

RECREATED = "topic_recreated"


class Identities:
    """The first id that a topic is seen with is kept with its offsets, until a person moves the whole topic."""

    def __init__(self, database: Database) -> None:
        self.recreated: frozenset[str] = frozenset()
        """Topics that bear an id other than the one kept."""
        self._database = database

    async def compare(self, ids: Mapping[str, UUID]) -> None:
        """Keep ids of topics that have none kept. A topic that is not among `ids` stays judged as it was."""
        rows = await self._database.fetch(sql()["compare_topics"], list(ids), list(ids.values()))
        other = {row["topic"] for row in rows}
        for topic in sorted(other - self.recreated):
            log.error(
                "a topic was made again and its partitions are stopped: find out what is lost, "
                "then `lethe parked offset` for the whole topic",
                extra={"topic": topic},
            )
        self.recreated = frozenset(other | (self.recreated - ids.keys()))

    def judge(self, cursor: Cursor) -> bool:
        """Stop a partition of such a topic. Gives whether one that was stopped for it may go on: claim it anew."""
        if cursor.topic not in self.recreated:
            return cursor.stopped == RECREATED
        if cursor.stopped != RECREATED:
            cursor.stop(RECREATED)
        return False
