"""Taking a request back. What was done by then stays done; the saga stops what it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from intake.application.packages import NoSuchDsr
from intake.application.telling import told_once
from lethe_events import DsrWithdrawn
from lethe_events.topics import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from intake.application.ports import Desk
    from lethe_postgres import Tx


class AlreadyClosed(Exception):
    """There is nothing left to take back."""


@dataclass(frozen=True, slots=True)
class Taken:
    """`at`: when it was taken back; None if it is closed and never was."""

    controller_id: str
    at: datetime | None
    is_new: bool = False


class Shelf(Protocol):
    async def withdraw(
        self, tx: Tx, dsr_id: UUID, controller_ids: Iterable[str], *, at: datetime, by: str
    ) -> Taken | None:
        """Take back once; None for an unknown id."""
        ...


class Withdrawals:
    def __init__(self, desk: Desk, shelf: Shelf, now: Callable[[], datetime], topic: str = REQUESTS.name) -> None:
        self._desk = desk
        self._shelf = shelf
        self._now = now
        self._topic = topic

    async def withdraw(
        self, dsr_id: UUID, controller_ids: Iterable[str], principal: str, traceparent: str | None
    ) -> datetime:
        """When it was taken back, the same however often it is called; the message leaves once, with the row.

        Raises NoSuchDsr or AlreadyClosed.
        """
        async with self._desk.work() as work:
            taken = await self._shelf.withdraw(work.tx, dsr_id, controller_ids, at=self._now(), by=principal)
            if taken is None:
                raise NoSuchDsr
            if taken.at is None:
                raise AlreadyClosed
            if taken.is_new:
                body = DsrWithdrawn(dsr_id=dsr_id, controller_id=taken.controller_id, at=taken.at)
                work.send([told_once(self._topic, body, "withdrawn", traceparent)])
        return taken.at
