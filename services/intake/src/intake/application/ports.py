"""What the application needs from outside, as small as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from uuid import UUID

    from intake.application.views import DsrView, Told
    from intake.domain.model import Accepted, Candidate
    from intake.domain.overload import Load
    from intake.domain.package import PackageFacts
    from lethe_events import Record
    from lethe_postgres import Tx
    from lethe_vault import DocumentInfo, Redemption, Sealing
    from lethe_vault.model import Redeemed


class Work(Protocol):
    """One transaction. What is sent goes out right after it is committed."""

    @property
    def tx(self) -> Tx: ...

    def send(self, records: Iterable[Record]) -> None: ...


class Desk(Protocol):
    """Opens transactions: committed on leaving, rolled back on an error."""

    def work(self) -> AbstractAsyncContextManager[Work]: ...


class Store(Protocol):
    """Intake's own tables. Whatever is found by id is found only among the controllers named."""

    async def insert(self, tx: Tx, candidates: Sequence[Candidate]) -> set[UUID]:
        """Store those whose idempotency key is new for their controller; gives their ids."""
        ...

    async def by_keys(self, tx: Tx, candidates: Sequence[Candidate]) -> Mapping[tuple[str, bytes], Accepted]:
        """What is stored under the keys of `candidates`, by (controller, key)."""
        ...

    async def record_identities(self, tx: Tx, candidates: Sequence[Candidate]) -> None:
        """Keep doubts and mandates of new requests."""
        ...

    async def expect_transmissions(self, tx: Tx, candidates: Sequence[Candidate]) -> None:
        """Keep to whom the copies of new requests are to be sent."""
        ...

    async def tell(self, tx: Tx, told: Sequence[Told]) -> int:
        """Take over states newer than those stored; gives how many were. Older ones and unknown ids are left out."""
        ...

    async def find(self, dsr_id: UUID, controller_ids: Iterable[str]) -> DsrView | None: ...

    async def page(
        self, controller_ids: Iterable[str], *, before: UUID | None, state: str | None, limit: int
    ) -> Sequence[DsrView]:
        """Newest first; `before` is the last id of the page before."""
        ...

    async def package(self, dsr_id: UUID, controller_ids: Iterable[str]) -> PackageFacts | None: ...

    async def record_download(self, dsr_id: UUID, document_id: UUID, principal: str, at: datetime) -> None: ...

    async def open_among(self, dsr_ids: Sequence[UUID], controller_ids: Iterable[str]) -> set[UUID]:
        """Those of `dsr_ids` that belong to one of the controllers and are not closed."""
        ...


class Sealer(Protocol):
    async def seal(self, tx: Tx, items: Sequence[Sealing]) -> None: ...


class Redeemer(Protocol):
    async def redeem(self, items: Sequence[Redemption]) -> Redeemed: ...


@dataclass(frozen=True, slots=True)
class Asserted:
    """What a controller says that the person who is signed in is known by. `stale`: it said so too long ago."""

    identifiers: Mapping[str, Sequence[str]]
    stale: bool


class AssertionRefused(Exception):
    """`problem` and `fix` complete a fault; neither repeats what was sent."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


class Assertions(Protocol):
    def read(self, controller_id: str, assertion: str, now: datetime) -> Asserted:
        """Raises AssertionRefused."""
        ...


class Documents(Protocol):
    async def document(self, document_id: UUID) -> DocumentInfo | None: ...

    def open_document(self, document_id: UUID, *, task_id: UUID | None = None, reason: str) -> AsyncIterator[bytes]: ...


class Correspondence(Protocol):
    """Letters to data subjects, as they are shown."""

    async def of_dsr(self, dsr_id: UUID, controller_ids: Iterable[str]) -> list[dict[str, Any]] | None:
        """Every letter of a request and what became of it, oldest first. None: no such request of theirs."""
        ...

    async def text(
        self, dsr_id: UUID, letter_id: UUID, controller_ids: Iterable[str], language: str | None
    ) -> dict[str, Any] | None:
        """Written anew from its facts, without name and address. None: no such letter, or it cannot be written."""
        ...


class Meters(Protocol):
    """Counts without names."""

    def accepted(self, right: str, channel: str) -> None: ...

    def replayed(self) -> None: ...

    def refused(self, reason: str) -> None: ...

    def repeated(self, pattern: str) -> None: ...

    def gate(self, reason: str | None, load: Load) -> None:
        """Whether requests are refused now, and why; told a few times a second."""
        ...

    def group(self, size: int, seconds: float) -> None: ...

    def told(self, applied: int, stale: int) -> None: ...
