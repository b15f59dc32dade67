"""What a fault has in its hands: a loaded stack, and what was seen of it."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Self

from lethe_local.stack.databases import processor_keys
from lethe_local.stack.keys import Keys
from lethe_postgres import Database
from lethe_testkit.faults.books import Books
from lethe_testkit.faults.load import Load
from lethe_testkit.history import check
from lethe_testkit.history.collect import LOOK_AGAIN, Seen, backlog, collect
from lethe_testkit.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from lethe_testkit.faults.stack import FaultStack
    from lethe_testkit.history import History, Verdict

_REST = 60.0


class Field:
    """Use as an asynchronous context manager. `chance` is seeded: the same seed, the same moments and victims."""

    def __init__(self, stack: FaultStack, seed: int, retention: timedelta, say: Callable[[str], None]) -> None:
        self.stack = stack
        self.seed = seed
        self.retention = retention
        self.chance = random.Random(seed)
        self.say = say
        self.seen = Seen(observes=frozenset({"shop", "warehouse"}))
        self.books = Books(stack)
        self.load = Load(stack, self.seen, seed)

    async def __aenter__(self) -> Self:
        await self.books.open()
        keys = Keys.of(self.stack.state)
        self.load.token_key = (await processor_keys(self.stack.postgres, self.stack.state, keys, ["warehouse"]))[
            "warehouse"
        ]
        await self.load.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.load.__aexit__(*error)

    async def heal(self) -> None:
        await asyncio.to_thread(self.stack.heal)

    async def rest(self) -> float:
        """Wait until nothing is left to do, or for a minute: the checker says what is left. Gives the seconds."""
        database = await Database.connect(
            self.stack.database(), schema="orchestrator", min_size=1, max_size=1, application_name="rest"
        )
        begun = time.monotonic()
        quiet = 0
        patience = Patience(_REST)
        try:
            while quiet < 2 and not patience.over:
                quiet = quiet + 1 if await self._nothing_left(database) else 0
                await asyncio.sleep(0.2)
        finally:
            await database.close()
        return time.monotonic() - begun

    async def _nothing_left(self, database: Database) -> bool:
        try:
            return not any(each.size for each in await backlog(self.stack, database))
        except LOOK_AGAIN:
            return False

    async def judge(self) -> tuple[History, Verdict]:
        self.seen.gone = await self.books.read()
        history = await collect(self.stack, self.seen, retention=self.retention)
        return history, check(history)

    async def untrue(self, history: History) -> set[str]:
        """People of closed erasures whom a processor still holds: the one thing that all this is for."""
        closed = [saga.id for saga in history.sagas if saga.state == "closed" and saga.erases]
        return await self.books.still_held(self.seen.emails[i] for i in closed if i in self.seen.emails)
