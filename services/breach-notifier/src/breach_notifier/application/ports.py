"""What the application needs from outside. The adapters implement it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime, timedelta
    from uuid import UUID

    from breach_notifier.application.batch import Batch, Entry
    from breach_notifier.domain.correlation import Incident, Placed, Signal
    from lethe_messaging import Work
    from lethe_postgres import Tx


class Desk(Protocol):
    """Opens transactions outside the consumer loop."""

    def work(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """Cases of one transaction, locked. `now`: the database's clock."""

    now: datetime
    entries: Mapping[UUID, Entry] = field(default_factory=dict)


class CaseStore(Protocol):
    """The one place that changes cases."""

    async def load(self, tx: Tx, ids: Sequence[UUID]) -> Loaded:
        """Lock in the order of ids. Cases that do not exist are absent."""
        ...

    async def load_due(self, tx: Tx, limit: int) -> Loaded:
        """Cases with a moment that has come, leaving out those that somebody else works on."""
        ...

    async def save(self, work: Work, batch: Batch, receivers: Collection[str]) -> None:
        """Write all that the batch changed, in a constant number of statements."""
        ...

    async def contents(self, tx: Tx, case_id: UUID) -> list[str]:
        """The versions of a case's notice, in order: canonical JSON."""
        ...

    async def seconds_to_next(self) -> float | None: ...


class SignalStore(Protocol):
    """Distinct signals and what was made of them."""

    async def insert(self, tx: Tx, signals: Sequence[Signal], suppressed: Collection[UUID]) -> set[UUID]:
        """Gives the ids of those that are new."""
        ...

    async def around(self, tx: Tx, fresh: Sequence[Signal]) -> list[Signal]:
        """Stored signals without which it cannot be told whether the new ones make a burst."""
        ...

    async def alone(self, tx: Tx, controllers: Collection[str]) -> None:
        """Wait until no other transaction opens cases for these controllers."""
        ...

    async def known(self, tx: Tx, anchors: Sequence[UUID]) -> set[UUID]:
        """Hits that were counted before."""
        ...

    async def incidents(
        self, tx: Tx, controllers: Collection[str], since: datetime, until: datetime
    ) -> tuple[list[Incident], Mapping[str, int]]:
        """Open incidents that began in this span, and how many each controller got within the last hour."""
        ...

    async def place(self, tx: Tx, placed: Sequence[tuple[Placed, UUID]]) -> None:
        """Hits with their incidents and the cases of those."""
        ...

    async def purge(self, older: timedelta, limit: int) -> int:
        """Signals and hits recorded longer ago; gives how many."""
        ...


@dataclass(frozen=True, slots=True)
class DueCall:
    """A call to be made. `about`: what the case's event said; `key`: the same for all calls of one case."""

    id: UUID
    receiver: str
    case_id: UUID
    controller_id: str
    about: str
    resolves: bool
    state: str
    due: datetime | None
    created_at: datetime
    tries: int


class CallStore(Protocol):
    async def claim(self, limit: int, pause: timedelta, receivers: Collection[str], *, others: bool) -> list[DueCall]:
        """Calls to these receivers (`others`: to any but these).

        They are committed as tried: whoever dies with them makes them again later.
        """
        ...

    async def taken(self, calls: Sequence[DueCall]) -> None: ...

    async def failed(self, calls: Sequence[tuple[DueCall, str, bool]]) -> None:
        """Why not taken, and whether it makes no sense to try again."""
        ...


class Caller(Protocol):
    """Reaches whoever is on call. Raises CallRefused."""

    async def call(self, call: DueCall) -> None: ...


class CallRefused(Exception):
    """`gone`: nobody of that name is configured (any more); otherwise it is tried again."""

    def __init__(self, trouble: str, *, gone: bool = False) -> None:
        super().__init__(trouble)
        self.trouble = trouble
        self.gone = gone
