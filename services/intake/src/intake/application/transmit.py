"""Sending portable copies to other controllers, once each, and keeping what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from intake.domain.transmission import Answer, TransmissionState, judge, pause_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from intake.application.ports import Documents
    from intake.domain.transmission import Target
    from lethe_vault import DocumentInfo

REASON = "transmission"
GONE = "package_gone"
NO_TARGET = "target_removed"


@dataclass(frozen=True, slots=True)
class Due:
    """One that this process has to itself until its lease ends. `attempts`: this one included."""

    controller_id: str
    dsr_id: UUID
    target: str
    document_id: UUID
    attempts: int


class Ledger(Protocol):
    async def claim(self, now: datetime) -> Sequence[Due]:
        """Those whose copy is there and whose moment has come; nobody else gets them for a while."""
        ...

    async def record(
        self,
        due: Due,
        state: TransmissionState,
        answer: Answer,
        problem: str | None,
        *,
        at: datetime,
        next_at: datetime,
    ) -> None: ...


class Sends(Protocol):
    async def __call__(
        self, target: Target, dsr_id: UUID, controller_id: str, info: DocumentInfo, content: AsyncIterator[bytes]
    ) -> Answer:
        """Never raises for what the other side does."""
        ...


class Transmissions:
    def __init__(self, ledger: Ledger, documents: Documents, targets: Mapping[str, Target], send: Sends) -> None:
        self._ledger = ledger
        self._documents = documents
        self._targets = targets
        self._send = send

    async def step(self, now: datetime) -> int:
        """Sends what is due, one after the other, outside any transaction; gives how many."""
        due = await self._ledger.claim(now)
        for one in due:
            await self._one(one, now)
        return len(due)

    async def _one(self, due: Due, now: datetime) -> None:
        target = self._targets.get(due.target)
        info = await self._documents.document(due.document_id)
        problem: str | None
        if target is None or due.controller_id not in target.controllers:
            state, answer, problem = TransmissionState.REFUSED, Answer(None), NO_TARGET
        elif info is None or info.dsr_id != due.dsr_id:
            state, answer, problem = TransmissionState.REFUSED, Answer(None), GONE
        else:
            content = self._documents.open_document(due.document_id, reason=REASON)
            answer = await self._send(target, due.dsr_id, due.controller_id, info, content)
            state, problem = judge(answer, due.attempts)
        next_at = now + pause_after(due.attempts)
        await self._ledger.record(due, state, answer, problem, at=now, next_at=next_at)
