"""Calling people: rungs become rows with the saga, and rows become calls, each receiver on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from lethe_postgres import Tx
    from orchestrator.domain.escalation_event import Escalated

LIMIT = 50
EVERY = 2.0  # seconds between looks for calls that are to be made


class Called(NamedTuple):
    """A rung that rang."""

    saga_id: UUID
    controller_id: str
    event: Escalated


class CallOut(NamedTuple):
    """A call to be made to one receiver."""

    id: int
    saga_id: UUID
    controller_id: str
    rung: str
    calls: str
    receiver: str
    due_at: datetime
    at: datetime
    due_strict: datetime | None


class CallOuts(Protocol):
    async def put(self, tx: Tx, called: Sequence[Called]) -> None:
        """With what rang, so that a call is made if and only if the rung is on record."""
        ...


class CallRows(CallOuts, Protocol):
    async def claim(self, limit: int) -> Sequence[CallOut]:
        """Calls that are due; nobody else takes them for a while, and then they are tried again."""
        ...

    async def made(self, ids: Sequence[int]) -> None: ...

    async def failed(self, failures: Sequence[tuple[int, str]]) -> None: ...


class Caller(Protocol):
    async def call(self, call: CallOut) -> str | None:
        """Why it did not reach its receiver (a code); None when it did."""
        ...


class Calling:
    """One per process. Safe with several: a row is claimed by one."""

    def __init__(self, rows: CallRows, caller: Caller) -> None:
        self._rows = rows
        self._caller = caller

    async def step(self) -> float:
        """Make the calls that are due; gives the seconds until the next look."""
        due = await self._rows.claim(LIMIT)
        made: list[int] = []
        failures: list[tuple[int, str]] = []
        for call in due:
            trouble = await self._caller.call(call)
            if trouble is None:
                made.append(call.id)
            else:
                failures.append((call.id, trouble))
        if made:
            await self._rows.made(made)
        if failures:
            await self._rows.failed(failures)
        return 0.0 if len(due) == LIMIT else EVERY
