"""One batch, one transaction: fence, handler, parking, outbox, commit."""

from __future__ import annotations

import asyncio
import re
import traceback
from enum import Enum
from typing import TYPE_CHECKING, Any

from lethe_events import ContractError, decode
from lethe_messaging.errors import Fenced, HandlerTimeout
from lethe_messaging.messages import Message
from lethe_messaging.outbox import sql
from lethe_messaging.work import Parked
from lethe_postgres import crashpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lethe_messaging.cursor import Batch, Cursor
    from lethe_messaging.handler import Handler
    from lethe_messaging.settings import Tuning
    from lethe_messaging.work import Work
    from lethe_messaging.works import Works
    from lethe_postgres import Database, Tx

_YIELD_EVERY = 250  # messages decoded before the event loop gets a turn


class Stored(Enum):
    """What the offset row says about a batch whose commit was not confirmed."""

    YES = "yes"
    NO = "no"
    FENCED = "fenced"


class Handling:
    """Runs batches. Knows nothing of retries."""

    def __init__(self, database: Database, works: Works, handlers: Mapping[str, Handler], tuning: Tuning) -> None:
        self._database = database
        self._works = works
        self._handlers = handlers
        self._tuning = tuning
        self._unconfirmed: dict[tuple[str, int], Work] = {}

    @property
    def must_wait(self) -> bool:
        """Records are published more slowly than they are made: Kafka keeps the backlog, not this process."""
        return self._works.crowded

    async def handle(self, cursor: Cursor, epoch: int, batch: Batch) -> None:
        """Raises Fenced, HandlerTimeout, or what the handler or the database raised; then nothing is stored.

        After CommitUnknown it is not known: call `find_out`.
        """
        messages, unreadable = await _decode(batch.records)
        crashpoint("batch.decoded")
        await self._transact(cursor, epoch, batch, messages, unreadable)

    async def park(self, cursor: Cursor, epoch: int, batch: Batch, error: BaseException) -> None:
        """Put the one message of `batch` aside and go on behind it. Raises like `handle`."""
        code, detail = describe(error)
        await self._transact(cursor, epoch, batch, [], [_parked(record, code, detail) for record in batch.records])

    async def find_out(self, cursor: Cursor, epoch: int, batch: Batch) -> Stored:
        """Read what is stored. If the transaction was committed after all, what it sends is published now."""
        work = self._unconfirmed.pop((cursor.topic, cursor.partition), None)
        row = await self._database.fetchrow(sql()["offset_row"], cursor.topic, cursor.partition)
        crashpoint("batch.found_out")
        if row is None or row["owner_epoch"] != epoch:
            return Stored.FENCED
        if row["next_offset"] == batch.end:
            if work is not None:
                self._works.settle(work)
            return Stored.YES
        return Stored.NO if row["next_offset"] == batch.start else Stored.FENCED

    async def _transact(
        self, cursor: Cursor, epoch: int, batch: Batch, messages: Sequence[Message], parked: Sequence[Parked]
    ) -> None:
        place = (cursor.topic, cursor.partition)
        self._unconfirmed.pop(place, None)
        async with self._works.open("batch") as work:
            await _advance(work.tx, cursor, epoch, batch)
            crashpoint("batch.advanced")
            for message in parked:
                work.put_aside(message)
            if messages:
                await self._call(cursor.topic, work, messages)
            crashpoint("batch.handled")
            self._unconfirmed[place] = work
        del self._unconfirmed[place]

    async def _call(self, topic: str, work: Work, messages: Sequence[Message]) -> None:
        limit = asyncio.timeout(self._tuning.handler_timeout)
        try:
            async with limit:
                await self._handlers[topic](work, messages)
        except TimeoutError as error:
            if limit.expired():
                raise HandlerTimeout(f"{topic}: {len(messages)} messages took too long") from error
            raise


async def _advance(tx: Tx, cursor: Cursor, epoch: int, batch: Batch) -> None:
    """First of all, so that a zombie does no work, and so that a new owner waits for a transaction under way."""
    status = await tx.execute(sql()["advance"], cursor.topic, cursor.partition, batch.start, batch.end, epoch)
    if status != "UPDATE 1":
        raise Fenced(f"{cursor.topic}/{cursor.partition} is not at {batch.start} under epoch {epoch}")


async def _decode(records: Sequence[Any]) -> tuple[list[Message], list[Parked]]:
    messages: list[Message] = []
    unreadable: list[Parked] = []
    for count, r in enumerate(records):
        if count and count % _YIELD_EVERY == 0:
            await asyncio.sleep(0)
        try:
            received = decode(r.headers, r.value)
        except ContractError as error:
            unreadable.append(_parked(r, error.code, error.detail))
        else:
            messages.append(Message(r.topic, r.partition, r.offset, received, r.headers, r.key, r.value))
    return messages, unreadable


def _parked(record: Any, code: str, detail: str) -> Parked:
    return Parked(record.topic, record.partition, record.offset, record.key, record.headers, record.value, code, detail)


def describe(error: BaseException) -> tuple[str, str]:
    """A code and a detail that hold nothing of the message.

    Error texts of others may quote values, so only the kind of the error and its place in the code are told.
    """
    code = getattr(error, "code", None)
    detail = getattr(error, "detail", None)
    if isinstance(error, ContractError) and isinstance(code, str) and isinstance(detail, str):
        return code, detail
    kind = type(error)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return name[:64], f"{kind.__module__}.{kind.__qualname__}{where}"
