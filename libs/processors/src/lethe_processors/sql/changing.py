"""Which statements carry out which verb, and which look at what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import Verb
from lethe_processors.sql.erase import erase_batch
from lethe_processors.sql.rectify import look_at_rectified, rectify_batch
from lethe_processors.sql.restrict import look_at_restricted, restrict_batch
from lethe_processors.sql.suppress import look_at_suppressed, suppress_batch
from lethe_processors.sql.withheld import by_hold, withholding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lethe_postgres import Tx
    from lethe_processors.connector import Answer, WorkItem
    from lethe_processors.sql.batch import Run
    from lethe_processors.sql.plan import Plan


def changing(verb: Verb, tx: Tx, plan: Plan, key: bytes | None, now: datetime) -> Run:
    """What changes people in the open transaction `tx`."""

    async def erase(items: Sequence[WorkItem]) -> list[Answer]:
        async def group(withheld: tuple[str, ...], some: Sequence[WorkItem]) -> list[Answer]:
            reading = withholding(plan, withheld, has_key=key is not None)
            return await erase_batch(tx, reading, some, key=key, now=now)

        return await by_hold(items, group)

    async def other(items: Sequence[WorkItem]) -> list[Answer]:
        if verb in {Verb.RESTRICT, Verb.LIFT}:
            return await restrict_batch(tx, plan, items, key=key, lift=verb is Verb.LIFT)
        if verb is Verb.RECTIFY:
            return await rectify_batch(tx, plan, items, key=key)
        return await suppress_batch(tx, plan, items, key=key)

    return erase if verb is Verb.ERASE else other


async def look_at(verb: Verb, tx: Tx, ordinary: Tx, plan: Plan, items: Sequence[WorkItem]) -> list[Answer]:
    """Whether the change held; NOTHING_FOUND: nothing is left of what it had to end."""
    if verb in {Verb.RESTRICT, Verb.LIFT}:
        return await look_at_restricted(tx, ordinary, plan, items, lift=verb is Verb.LIFT)
    if verb is Verb.RECTIFY:
        return await look_at_rectified(tx, plan, items)
    return await look_at_suppressed(tx, plan, items)
