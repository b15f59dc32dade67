"""What a person does to messaging: look into the parking lot and settle what lies there, move a partition.

`Operations` is what a service gives its HTTP; the functions beside it are for programs that have the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lethe_messaging import journal, parking
from lethe_messaging.errors import OperationRefused
from lethe_messaging.journal import Person
from lethe_messaging.outbox import sql
from lethe_messaging.parking import Choice, Spot

if TYPE_CHECKING:
    from lethe_messaging.bus import Bus
    from lethe_messaging.work import Work
    from lethe_postgres import Database

_PROGRAM = "a program"


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
    return await parking.retry(work, Choice(topic, code, limit=limit), Person(_PROGRAM, note))


async def discard_parked(work: Work, topic: str, *, code: str | None, note: str, limit: int = 1000) -> int:
    """Settle up to `limit` parked messages without handling them, for the reason in `note`; returns how many."""
    return await parking.discard(work, Choice(topic, code, limit=limit), Person(_PROGRAM, note))


class Operations:
    """Of one service. Every act is one transaction with its entry in the journal; refusals raise OperationRefused."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def parked(
        self,
        *,
        topic: str | None,
        code: str | None,
        state: str | None,
        after: tuple[str, int, int] | None,
        limit: int,
    ) -> list[dict[str, Any]]:
        place = None if after is None else Spot(*after)
        return await parking.page(self._database, topic=topic, code=code, state=state, after=place, limit=limit)

    async def message(self, topic: str, partition: int, offset: int) -> dict[str, Any] | None:
        return await parking.one(self._database, Spot(topic, partition, offset))

    async def retry(
        self, by: str, reason: str, *, topic: str, code: str | None, place: tuple[int, int] | None, limit: int
    ) -> int:
        async with self._bus.work() as work:
            return await parking.retry(work, Choice(topic, code, place, limit), Person(by, reason))

    async def discard(
        self, by: str, reason: str, *, topic: str, code: str | None, place: tuple[int, int] | None, limit: int
    ) -> int:
        async with self._bus.work() as work:
            return await parking.discard(work, Choice(topic, code, place, limit), Person(by, reason))

    async def correct(
        self, by: str, reason: str, *, topic: str, place: tuple[int, int], body: bytes, type_: str | None
    ) -> None:
        async with self._bus.work() as work:
            await parking.correct(work, Spot(topic, *place), Person(by, reason), body, type_)

    async def partitions(self) -> list[dict[str, Any]]:
        """Where each partition stands; `stopped`: why this instance does not go on with it, if it owns it."""
        stopped = self._bus.stopped()
        return [
            {
                "topic": row["topic"],
                "partition": row["part"],
                "next_offset": row["next_offset"],
                "updated_at": row["updated_at"],
                "stopped": stopped.get((row["topic"], row["part"])),
            }
            for row in await self._database.fetch(sql()["offsets"])
        ]

    async def skip(self, by: str, reason: str, *, topic: str, partition: int, offset: int, count: int) -> int:
        """Leave out `count` records from `offset` on, where the partition stands now; gives where it goes on.

        Raises OperationRefused("moved") if it stands elsewhere: somebody was faster, or it is not stopped there.
        """
        until = offset + count
        async with self._bus.work() as work:
            if not await work.tx.fetch(sql()["skip_record"], topic, partition, offset, until):
                raise OperationRefused("moved", "the partition does not stand at this offset: look where it stands")
            detail = f"left out up to {until - 1}, never read"
            await work.tx.execute(sql()["note_skipped"], topic, partition, offset, detail, reason)
            done = {"topic": topic, "partition": partition, "from": offset, "to": until}
            await journal.record(work.tx, "skip", Person(by, reason), done)
        return until

    async def move(self, by: str, reason: str, *, topic: str, partition: int | None, to: int) -> int:
        """`set_offset`, written down; gives how many partitions were moved. Raises OperationRefused("not_found")."""
        async with self._bus.work() as work:
            before = await work.tx.fetch(sql()["offsets"])
            moved = {row["part"] for row in await work.tx.fetch(sql()["set_offset"], topic, partition, to)}
            if not moved:
                raise OperationRefused("not_found", "this service consumes no such partition")
            was = {str(r["part"]): r["next_offset"] for r in before if r["topic"] == topic and r["part"] in moved}
            await journal.record(work.tx, "move", Person(by, reason), {"topic": topic, "from": was, "to": to})
        return len(moved)

    async def journal(self, after: int, limit: int) -> list[dict[str, Any]]:
        """The chain of operations behind entry `after`, to be checked link by link."""
        return [entry._asdict() for entry in await journal.entries(self._database, after, limit)]
