"""The end of what is parked: content is not kept for ever, whether or not somebody decided."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lethe_messaging import journal
from lethe_messaging.outbox import sql

if TYPE_CHECKING:
    from datetime import timedelta

    from lethe_postgres import Database

log = logging.getLogger(__name__)

_BY = journal.Person("retention", "retention")


async def expire(database: Database, retention: timedelta) -> int:
    """Forget the content of messages settled, or waiting, for longer than `retention`; gives how many waited.

    That one waited so long is an error of those who are on call, so it is told as one; its place and reason stay.
    """
    async with database.transaction() as tx:
        rows = await tx.fetch(sql()["expire_parked"], retention)
        if not rows:
            return 0
        waited = [f"{r['topic']}/{r['part']}/{r['record_offset']}" for r in rows if r["was"] == "parked"]
        await journal.record(tx, "expire", _BY, {"messages": len(rows), "undecided": waited})
    if waited:
        log.error("parked messages expired before a person decided", extra={"size": len(waited)})
    return len(waited)
