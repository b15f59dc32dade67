"""People who ask to be erased, one after the other, as a support site sends them: again until it is answered."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Self

import asyncpg

from lethe_client.errors import LetheError
from lethe_client.intake import IntakeClient
from lethe_client.models import NewDsr
from lethe_events.subject_token import normalise, subject_token
from lethe_events.words import Channel, Right
from lethe_example_shop import person_number
from lethe_testkit.history import Accepted
from lethe_testkit.history.collect import AWAY
from lethe_testkit.patience import Patience

if TYPE_CHECKING:
    from uuid import UUID

    from lethe_testkit.faults.stack import FaultStack
    from lethe_testkit.history.collect import Seen

PEOPLE_SEED = 7
_PATIENCE = 240.0


class Load:
    """`seen` is told of every 202. Each person asks once; some want a copy first."""

    def __init__(self, stack: FaultStack, seen: Seen, seed: int) -> None:
        self._stack = stack
        self._seen = seen
        self._chance = random.Random(seed)
        self._next = 101
        self._sites = [IntakeClient(stack.url(name), stack.token()) for name in stack.programs if "intake" in name]
        self.copies = 1 / 3
        """The share of people who want a copy first."""
        self.token_key = b""
        """The warehouse's: what it calls people, to find them in its books."""
        self.again = 0
        """Submissions that had to be sent more than once."""

    async def __aenter__(self) -> Self:
        for site in self._sites:
            await site.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        for site in self._sites:
            await site.__aexit__(None, None, None)

    async def submit(self, count: int, *, each: float = 0.0, patience: float = _PATIENCE) -> list[UUID]:
        """`each`: seconds between two people; `patience`: for how long one tries. Four are on their way at once."""
        free = asyncio.Semaphore(4)
        async with asyncio.TaskGroup() as group:
            tasks = []
            for _ in range(count):
                tasks.append(group.create_task(self._one(free, self._next, patience)))
                self._next += 1
                if each:
                    await asyncio.sleep(each)
        return [task.result() for task in tasks]

    async def until_settled(self, ids: list[UUID], seconds: float = _PATIENCE) -> int:
        """Until each saga is closed or has an open incident; gives how many have one. Raises TimeoutError."""
        patience = Patience(seconds)
        while True:
            try:
                connection = await asyncpg.connect(self._stack.database(), timeout=5)
                rows = await connection.fetch(
                    "SELECT state, open_incidents FROM orchestrator.saga WHERE id = ANY($1)", ids, timeout=10
                )
                await connection.close()
            except AWAY:
                rows = []
            settled = [row for row in rows if row["state"] == "closed" or row["open_incidents"]]
            if len(settled) == len(ids):
                return sum(1 for row in settled if row["open_incidents"])
            if patience.over:
                raise TimeoutError(f"{len(ids) - len(settled)} of {len(ids)} sagas did not settle in {seconds:.0f} s")
            await asyncio.sleep(0.4)

    async def open_sagas(self, ids: list[UUID]) -> int:
        """How many of these are not closed; all, while the database does not answer."""
        try:
            connection = await asyncpg.connect(self._stack.database(), timeout=10)
            closed = await connection.fetchval(
                "SELECT count(*) FROM orchestrator.saga WHERE id = ANY($1) AND closed_at IS NOT NULL", ids, timeout=10
            )
            await connection.close()
        except AWAY:
            return len(ids)
        return len(ids) - int(closed)

    async def _one(self, free: asyncio.Semaphore, number: int, patience: float) -> UUID:
        person = person_number(number, PEOPLE_SEED)
        dsr = NewDsr(
            controller_id="acme",
            right=Right.ERASURE,
            export_first=self._chance.random() < self.copies,
            identifiers={"email": [person.email], "customer_id": [person.customer_no]},
            channel=Channel.WEB_FORM,
        )
        key = f"person-{number}"
        site = number
        async with free:
            lasting = Patience(patience)
            while True:
                try:
                    answer = await self._sites[site % len(self._sites)].submit(dsr, idempotency_key=key)
                except (LetheError, OSError):
                    if lasting.over:
                        raise
                    self.again += 1
                    site += 1
                    await asyncio.sleep(0.2)
                else:
                    self._seen.accepted.append(Accepted(answer.dsr_id, key))
                    self._seen.emails[answer.dsr_id] = person.email
                    for kind, value in (("email", person.email), ("customer_id", person.customer_no)):
                        token = subject_token(self.token_key, kind, normalise(kind, value))
                        self._seen.tokens[token] = answer.dsr_id
                    return answer.dsr_id
