"""Opens units of work: one transaction each, with its outbox row, handed to the publisher once it is stored."""

from __future__ import annotations

import json
import logging
from binascii import b2a_base64
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from lethe_messaging.outbox import sql
from lethe_messaging.work import Work
from lethe_postgres import crashpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lethe_events import Headers
    from lethe_messaging.outbox import Outbox
    from lethe_messaging.publisher import Publisher
    from lethe_postgres import Database

log = logging.getLogger(__name__)


class Works:
    """The one place where work is committed."""

    def __init__(self, database: Database, outbox: Outbox, publisher: Publisher) -> None:
        self._database = database
        self._outbox = outbox
        self._publisher = publisher

    @property
    def crowded(self) -> bool:
        """So much waits to be published that whoever can wait should: batches do, HTTP cannot."""
        return self._publisher.crowded

    @asynccontextmanager
    async def open(self, kind: str) -> AsyncIterator[Work]:
        """One transaction; on exit what it parks and sends is written and committed, then published.

        `kind` names the crash points. Raises CommitUnknown with nothing published: the caller finds out and calls
        `settle`, or leaves the chunk to the relay.
        """
        async with self._database.transaction() as tx:
            work = Work(tx)
            yield work
            await self._write(work)
            crashpoint(f"{kind}.before_commit")
        crashpoint(f"{kind}.after_commit")
        self.settle(work)

    def settle(self, work: Work) -> None:
        """The transaction is known to be stored: publish, and call back."""
        if work.chunk is not None and not work.relayed:
            self._publisher.offer(work.chunk)
        for callback in work.callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - the work is stored, whatever a hint does
                log.error("a callback after commit failed", extra={"error": type(error).__name__})  # noqa: TRY400

    async def _write(self, work: Work) -> None:
        if work.parked:
            await work.tx.execute(
                sql()["park"],
                [p.topic for p in work.parked],
                [p.partition for p in work.parked],
                [p.offset for p in work.parked],
                [p.key for p in work.parked],
                [_readable(p.headers) for p in work.parked],
                [p.value for p in work.parked],
                [_clean(p.code) for p in work.parked],
                [_clean(p.detail) for p in work.parked],
            )
        if work.records:
            work.relayed = self._publisher.leaves_to_relay()
            work.chunk = await self._outbox.write(work.tx, work.records, relayed=work.relayed)


def _readable(headers: Headers) -> str:
    """JSON, put together by hand: poison comes by the thousand, and its names are few."""
    pairs = [f'[{_quoted(n)},"{b2a_base64(c or b"", newline=False).decode("ascii")}"]' for n, c in headers]
    return f"[{','.join(pairs)}]"


@lru_cache(maxsize=256)
def _quoted(name: str) -> str:
    return json.dumps(_clean(name))


def _clean(text: str) -> str:
    """PostgreSQL stores no NUL in text, and a message that cannot be parked would stop its partition."""
    return text.replace("\x00", "\ufffd")
