"""Changing a batch of people in one transaction; if that fails, a second one tells its halves apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from lethe_postgres import crashpoint, is_transient
from lethe_processors.sql.codes import answer_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lethe_postgres import Tx
    from lethe_processors.connector import Answer, WorkItem

    Run = Callable[[Sequence[WorkItem]], Awaitable[list[Answer]]]


async def in_one_transaction(
    tx: Tx, items: Sequence[WorkItem], run: Run, on_failure: Callable[[], None]
) -> list[Answer]:
    """`run` works in the transaction that is open here. Raises transient errors; others become the person's answer."""
    try:
        async with tx.transaction():
            answers = await run(items)
            crashpoint("sql.erased")
    except asyncpg.PostgresError as error:
        if is_transient(error):
            raise
        on_failure()
    else:
        crashpoint("sql.committed")
        return answers
    async with tx.transaction():
        return await _told_apart(tx, items, run)


async def _told_apart(tx: Tx, items: Sequence[WorkItem], run: Run) -> list[Answer]:
    """Each half in a savepoint of its own, down to the person with whom it fails."""
    if len(items) == 1:
        return [await _alone(tx, items[0], run)]
    middle = len(items) // 2
    answers: list[Answer] = []
    for half in (items[:middle], items[middle:]):
        try:
            async with tx.transaction():
                answers += await run(half)
        except asyncpg.PostgresError as error:
            if is_transient(error):
                raise
            answers += await _told_apart(tx, half, run)
    return answers


async def _alone(tx: Tx, item: WorkItem, run: Run) -> Answer:
    try:
        async with tx.transaction():
            return (await run([item]))[0]
    except asyncpg.PostgresError as error:
        if is_transient(error):
            raise
        return answer_of(error)
