"""The port through which workers reach a processor, whatever it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - stored answers are read back by pydantic
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lethe_events.models import Count, Evidence, ExportPart, Failure, Retained
from lethe_events.words import FailureKind, Grade, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

    from lethe_events.models import TaskRequested
    from lethe_events.words import Verb


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One person's task with the identifiers redeemed for it. Never logged, never kept after the call.

    `identifiers`: kind → normalised values (`lethe_events.subject_token.normalise`). `corrections`: to rectify and to
    look at it only; see `corrections.of_processor`.
    """

    task: TaskRequested
    identifiers: Mapping[str, tuple[str, ...]]
    corrections: Mapping[str, object] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"WorkItem({self.task.task_id})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a processor answered for one item; the worker turns it into a `TaskAcknowledged`."""

    outcome: Outcome
    grade: Grade = Grade.ATTESTED
    counts: tuple[Count, ...] = ()
    retained: tuple[Retained, ...] = ()
    failure: Failure | None = None
    expected_by: datetime | None = None
    part: ExportPart | None = None
    evidence: tuple[Evidence, ...] = ()
    retry_after: float | None = None
    """Seconds the processor asked to wait (Retry-After); only with a transient failure."""
    awaits: tuple[str, ...] = ()
    """Hashes of the jobs of which an asynchronous processor will call back; only with `accepted`."""

    @classmethod
    def transient(cls, code: str, *, retry_after: float | None = None) -> Answer:
        """The same task may succeed later. `code` never contains text of the processor (it may hold personal data)."""
        return cls(Outcome.FAILED, failure=Failure(kind=FailureKind.TRANSIENT, code=code), retry_after=retry_after)

    @classmethod
    def permanent(cls, code: str) -> Answer:
        """Asking again will not help: a person has to look."""
        return cls(Outcome.FAILED, failure=Failure(kind=FailureKind.PERMANENT, code=code))


@dataclass(frozen=True, slots=True)
class Somebody:
    """One row about a person, by which the person is known. Never logged, never kept after the call.

    `identifiers`: (kind, normalised value). `weak`: kinds that may be those of several people. `certain`: the data in
    scope was recorded by the end of the window; otherwise nobody knows when it came. `email`, `language`: as stored.
    """

    identifiers: tuple[tuple[str, str], ...]
    weak: frozenset[str] = frozenset()
    certain: bool = False
    email: str | None = None
    language: str | None = None

    def __repr__(self) -> str:
        return "Somebody(…)"


class ExportSink(Protocol):
    """Takes exported records as they are read, so that a large export never sits in memory as a whole."""

    async def write(self, item: WorkItem, collection: str, records: Sequence[Mapping[str, object]]) -> None:
        """JSON-serialisable records, already freed of other people's personal data."""
        ...

    async def masked(self, item: WorkItem, collection: str, fields: Iterable[str], rows: int) -> None:
        """Fields of `rows` rows were left out because they concern somebody else (Art. 15(4)); the manifest says so."""
        ...


class Connector(Protocol):
    """One processor. A batch shares a transaction or a call where the processor allows it.

    Every method gives one answer per item in the same order, is safe to repeat, and isolates a person who fails.
    Errors of the processor become answers; only programming errors are raised.
    """

    async def erase(self, items: Sequence[WorkItem]) -> list[Answer]: ...

    async def verify(self, items: Sequence[WorkItem]) -> list[Answer]:
        """Look again with read-only credentials and by other queries than the erasure used.

        NOTHING_FOUND: absent. RETAINED: only lawfully kept rows are left. RESIDUAL: still there.
        """
        ...

    async def export(self, items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]: ...

    async def close(self) -> None: ...


@runtime_checkable
class Changes(Protocol):
    """A processor that can carry out more rights than erasure; not every connector can."""

    async def change(self, verb: Verb, items: Sequence[WorkItem]) -> list[Answer]:
        """Erase, rectify, restrict, lift or suppress, under the promises of `Connector`."""
        ...


@runtime_checkable
class Enumerates(Protocol):
    """A processor that can tell of whom it holds data; not every connector can."""

    def everybody(self, categories: Collection[str], until: datetime) -> AsyncIterator[Sequence[Somebody]]:
        """Rows about people of whom it holds data of these categories (none: of any), a group at a time.

        Read-only, one statement per collection that names people. What is known to have been recorded after `until`
        is left out. Raises Unreadable.
        """
        ...
