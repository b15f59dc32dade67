"""What is shown: query functions for the API and the console. They change nothing.

Every one takes the controllers that the reader may see, and shows nothing of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """`state`: one state; None: every open saga. `processor`: that has something to do with it, if open still to do.

    `after`: what the page before gave as `next`.
    """

    controllers: Collection[str]
    state: str | None = None
    processor: str | None = None
    due_before: datetime | None = None
    incident: bool = False
    after: str | None = None
    limit: int = 50


class Reading(Protocol):
    async def page(self, wanted: Filter) -> tuple[list[Json], str | None]:
        """Sagas by strict date, and where the next page begins (None: there is none). Raises ValueError for `after`."""
        ...

    async def saga(self, saga_id: UUID, controllers: Collection[str]) -> Json | None:
        """All about one saga: tasks, what is owed by whom, incidents, timeline. None: not there, or not theirs."""
        ...

    async def links(self, saga_id: UUID, controllers: Collection[str]) -> list[Json] | None:
        """The audit chain: each link's number, hash and content."""
        ...

    async def certificate(self, saga_id: UUID, controllers: Collection[str]) -> tuple[bool, str | None]:
        """Whether the saga is theirs, and the signed document as text (None: not closed yet)."""
        ...

    async def incidents(
        self,
        controllers: Collection[str],
        *,
        code: str | None = None,
        processor: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Json], str | None]:
        """Open incidents, oldest first. Raises ValueError for `after`."""
        ...


class Proofs(Protocol):
    async def register(self, controllers: Collection[str]) -> Json | None:
        """The register in force, cut down to these controllers."""
        ...

    async def keys(self) -> list[Json]:
        """Every public key that ever signed."""
        ...

    async def seals(self, before: int | None, limit: int) -> list[Json]:
        """Newest first."""
        ...

    async def inclusion(self, saga_id: UUID, controllers: Collection[str]) -> Json | None:
        """The proof that the last link of this chain is under a seal. None: not there, not theirs, not sealed yet."""
        ...

    async def parked(self) -> list[Json]:
        """What waits in the parking lot, by topic and reason; never its content."""
        ...
