"""What the work on concerned people needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from breach_notifier.domain.affected import Erased
    from breach_notifier.domain.scope import GoneSince
    from breach_notifier.domain.subject_index import Fact
    from lethe_events import SearchAnswered
    from lethe_postgres import Tx


class Told(NamedTuple):
    """One fact about one category that a product service told."""

    controller_id: str
    processor_id: str
    subject: str
    category: str
    kind: str
    at: datetime


class Verified(NamedTuple):
    dsr_id: UUID
    controller_id: str
    processor_id: str
    at: datetime
    erased: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A scope whose searches are answered. `content`: as `scope.to_json` wrote it."""

    case_id: UUID
    number: int
    controller_id: str
    content: str


@dataclass(frozen=True, slots=True)
class Sought:
    """A search and what came of it."""

    task_id: UUID
    processor_id: str
    asked_at: datetime
    answered_at: datetime | None
    failure: str | None
    people: int
    pages: int
    fed: int
    document_id: UUID | None
    shredded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counted:
    lower: int
    upper: int | None
    digest: str


class IndexStore(Protocol):
    """The subject index, derived from the bus."""

    async def tell(self, tx: Tx, told: Sequence[Told]) -> None: ...

    async def erased(self, tx: Tx, verified: Sequence[Verified]) -> None: ...

    async def unnamed(self, limit: int) -> Sequence[tuple[UUID, str, str]]:
        """(DSR, controller, processor) of erasures whose people were not looked up yet."""
        ...

    async def name(self, named: Sequence[tuple[UUID, str, Sequence[str], Sequence[str]]]) -> None:
        """(DSR, processor, tokens, references)."""
        ...

    async def indexed(self, tx: Tx, controller_id: str, processors: Collection[str]) -> set[str]: ...

    def facts(self, controller_id: str, processor_id: str) -> AsyncIterator[Sequence[Sequence[Fact]]]:
        """Groups of people, each with all of its facts."""
        ...

    async def erasures(
        self, controller_id: str, processors: Collection[str]
    ) -> tuple[Sequence[Erased], Sequence[GoneSince]]:
        """The same erasures by subject token, and by reference."""
        ...


class ScopeStore(Protocol):
    """Scopes, their searches, and who came out."""

    async def insert(self, tx: Tx, case_id: UUID, controller_id: str, content: str, by: str) -> int:
        """Gives the number of the new scope."""
        ...

    async def seek(  # noqa: PLR0917 - the columns
        self, tx: Tx, case_id: UUID, number: int, search: str, controller_id: str, tasks: Mapping[str, UUID]
    ) -> None: ...

    async def answered(self, tx: Tx, answers: Sequence[SearchAnswered]) -> None: ...

    async def countable(self) -> Waiting | None: ...

    async def searches(self, case_id: UUID, search: str, number: int) -> list[Sought]: ...

    async def counted(self, tx: Tx, waiting: Waiting, found: Counted, people: Iterable[tuple[str, str, bool]]) -> bool:
        """Write (part, reference, certain) of everybody, and the difference. False: somebody counted it before."""
        ...

    async def spent(self, limit: int) -> list[UUID]: ...

    async def shredded(self, tasks: Sequence[UUID]) -> None: ...

    async def over(self, retention: timedelta, limit: int) -> dict[UUID, set[UUID]]:
        """Incidents whose retention is over → what their reports are sealed under."""
        ...

    async def forgotten(self, incidents: Collection[UUID]) -> None: ...


class PeopleVault(Protocol):
    """Where findings and contacts lie sealed."""

    async def prepare(self, tx: Tx, tasks: Collection[UUID], controller_id: str) -> None:
        """A key of its own for the findings of each search, in the caller's transaction."""
        ...

    def lines(self, document_id: UUID, task_id: UUID, reason: str) -> AsyncIterator[list[bytes]]: ...

    async def tokens(
        self, dsr_ids: Sequence[UUID], processors: Mapping[UUID, Sequence[str]]
    ) -> Mapping[tuple[UUID, str], tuple[str, ...]]: ...

    async def shred(self, ids: Sequence[UUID]) -> None: ...
