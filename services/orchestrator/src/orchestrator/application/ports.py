"""What the application needs from outside. The adapters implement it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime, timedelta
    from uuid import UUID

    from lethe_events import SubjectObserved
    from lethe_messaging import Work
    from lethe_postgres import Tx
    from orchestrator.application.batch import Batch, Entry
    from orchestrator.domain.escalation import Ladders
    from orchestrator.domain.rules import ProcessorRules
    from orchestrator.domain.standing import Standing


@dataclass(frozen=True, slots=True)
class RegisterView:
    """One version of the register as sagas see it. `id` grows with each version that came into force."""

    id: int
    version: str
    rules: Mapping[str, ProcessorRules]
    controllers: Mapping[str, tuple[str, ...]]
    """Controller → its processors, by id."""

    def of(self, controller_id: str) -> tuple[ProcessorRules, ...]:
        return tuple(self.rules[p] for p in self.controllers.get(controller_id, ()))


class Registers(Protocol):
    """Versions of the register, kept in memory once read."""

    async def view(self, tx: Tx, register_id: int) -> RegisterView: ...

    def known(self, register_id: int) -> RegisterView:
        """One that was viewed before. Raises KeyError otherwise."""
        ...

    def id_of(self, version: str) -> int:
        """Of a version that was viewed before. Raises KeyError otherwise."""
        ...


class Vault(Protocol):
    async def subject_tokens(
        self, dsr_ids: Sequence[UUID], processors: Mapping[UUID, Sequence[str]]
    ) -> Mapping[tuple[UUID, str], tuple[str, ...]]: ...

    async def shred(self, dsr_ids: Sequence[UUID]) -> int: ...


class Holds(Protocol):
    """What is held for controllers, kept in memory until it changes."""

    async def standing(self, tx: Tx, standing_id: int) -> Standing: ...


class Desk(Protocol):
    """Opens transactions outside the consumer loop."""

    def work(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """Sagas of one transaction, locked. `now`: the database's clock. `register_id`: the version in force, 0: none.

    `standing_id`: the last change of what is held for controllers, 0: there was none.
    """

    now: datetime
    register_id: int
    entries: Mapping[UUID, Entry] = field(default_factory=dict)
    standing_id: int = 0


class SagaStore(Protocol):
    """The one place that changes sagas."""

    async def load(self, tx: Tx, ids: Sequence[UUID]) -> Loaded:
        """Lock in the order of ids. Sagas that do not exist are absent."""
        ...

    async def load_due(self, tx: Tx, limit: int) -> Loaded:
        """Sagas with a moment that has come, leaving out those that somebody else works on."""
        ...

    async def save(self, work: Work, batch: Batch, retention: timedelta, ladders: Ladders) -> None:
        """Write all that the batch changed, in a constant number of statements."""
        ...

    async def erasures(self, tx: Tx, observed: Sequence[SubjectObserved]) -> list[tuple[UUID, str] | None]:
        """For each observation: the saga, and its controller, in which this person was erased there before it."""
        ...

    async def resolve(self, tx: Tx, incident_id: UUID, controllers: Collection[str], by: str) -> bool:
        """End an incident about a message; those of a saga end by what happens to it."""
        ...

    async def seconds_to_next(self) -> float | None: ...

    async def put_off_first_due(self) -> int:
        """Let the saga that is overdue longest wait a quarter of an hour; gives 1, or 0 if none is due."""
        ...

    async def unchecked(self, tx: Tx, register_id: int, limit: int) -> list[UUID]:
        """Open sagas whose scope was not yet compared with this version of the register."""
        ...
