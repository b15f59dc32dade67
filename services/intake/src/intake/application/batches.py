"""Requests for several people: one DSR each, under one parent. Sent again, a batch goes on where it stopped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from intake.domain.errors import Fault, InvalidSubmission, KeyReused
from lethe_events.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from intake.application.accept import Acceptance
    from intake.application.views import DsrView
    from intake.domain.fingerprint import Fingerprints
    from intake.domain.submission import Draft

_AT_ONCE = 64
"""Rows of one batch that wait for a transaction: other callers' requests find room beside them."""


@dataclass(frozen=True, slots=True)
class Row:
    """`number` in the file, from 1 without the heading. `key` names the row within its batch."""

    number: int
    key: str
    draft: Draft = field(repr=False)


@dataclass(frozen=True, slots=True)
class BatchView:
    controller_id: str
    batch_id: UUID
    people: int
    begun_at: datetime
    states: Mapping[str, int]
    rights: Mapping[str, int]
    results: Mapping[str, int]
    withdrawn: int
    open_incidents: int
    overdue: int
    next_due: datetime | None


@dataclass(slots=True)
class Outcome:
    """`replayed`: rows that had been accepted before. `conflicting`: those that were accepted with other content."""

    batch_id: UUID
    accepted: int = 0
    replayed: int = 0
    conflicting: list[int] = field(default_factory=list)


class Shelf(Protocol):
    async def open(self, controller_id: str, batch_id: UUID, key: bytes, *, people: int, at: datetime, by: str) -> UUID:
        """Begin, or go on with the one that has this key; gives its id."""
        ...

    async def find(self, batch_id: UUID, controller_ids: Iterable[str], now: datetime) -> BatchView | None: ...

    async def page(
        self, batch_id: UUID, controller_ids: Iterable[str], *, after: UUID | None, state: str | None, limit: int
    ) -> Sequence[DsrView] | None:
        """In the order of acceptance; None if there is no such batch."""
        ...


class Batches:
    def __init__(
        self,
        acceptance: Acceptance,
        shelf: Shelf,
        fingerprints: Fingerprints,
        *,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._acceptance = acceptance
        self._shelf = shelf
        self._fingerprints = fingerprints
        self._now = now
        self._entropy = entropy

    def faults(self, rows: Sequence[Row]) -> list[Fault]:
        """What is wrong, row by row. Nothing is stored."""
        found: list[Fault] = []
        first: dict[str, int] = {}
        for row in rows:
            if first.setdefault(row.key, row.number) != row.number:
                fix = f"give each row its own; row {first[row.key]} has the same"
                found.append(Fault(f"row {row.number}: row_key", "appears twice", fix))
            try:
                self._acceptance.check(row.draft)
            except InvalidSubmission as wrong:
                found += [Fault(f"row {row.number}: {f.field}", f.message, f.fix) for f in wrong.faults]
        return found

    async def submit(
        self, controller_id: str, rows: Sequence[Row], idempotency_key: str, principal: str, traceparent: str | None
    ) -> Outcome:
        """Accept every row, or none of them if one has a fault.

        Each row is accepted by itself, once for its batch and key: after Overloaded, an error or a crash, the same
        call goes on. Raises InvalidSubmission, Overloaded, or what the store raised.
        """
        faults = await asyncio.to_thread(self.faults, rows)  # seconds for thousands of rows
        if faults:
            raise InvalidSubmission(faults)
        now = self._now()
        batch_id = await self._shelf.open(
            controller_id,
            uuid7(now, self._entropy(10)),
            self._fingerprints.of_key(controller_id, f"batch {idempotency_key}"),
            people=len(rows),
            at=now,
            by=principal,
        )
        outcome = Outcome(batch_id)
        failed: list[Exception] = []
        waiting = iter(rows)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, len(rows))):
                group.create_task(self._work(waiting, outcome, failed, traceparent))
        if failed:
            raise failed[0]
        outcome.conflicting.sort()
        return outcome

    async def find(self, batch_id: UUID, controller_ids: Iterable[str]) -> BatchView | None:
        return await self._shelf.find(batch_id, controller_ids, self._now())

    async def page(
        self, batch_id: UUID, controller_ids: Iterable[str], *, after: UUID | None, state: str | None, limit: int
    ) -> Sequence[DsrView] | None:
        return await self._shelf.page(batch_id, controller_ids, after=after, state=state, limit=limit)

    async def _work(
        self, waiting: Iterator[Row], outcome: Outcome, failed: list[Exception], traceparent: str | None
    ) -> None:
        """Take rows until there are none, or one could not be stored: then all stop, and what is stored stays."""
        for row in waiting:
            if failed:
                return
            try:
                accepted = await self._acceptance.accept(
                    row.draft, f"batch {outcome.batch_id} {row.key}", traceparent, parent_id=outcome.batch_id
                )
            except KeyReused:
                outcome.conflicting.append(row.number)
            except Exception as error:  # noqa: BLE001 - it is raised once the others have stopped
                failed.append(error)
            else:
                outcome.replayed += accepted.replayed
                outcome.accepted += not accepted.replayed
