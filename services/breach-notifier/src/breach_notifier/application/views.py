"""What is shown: query functions for the API and the console. They change nothing.

Every one takes the controllers that the reader may see, and shows nothing of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from breach_notifier.domain.case import Case
    from breach_notifier.domain.drafting import Content

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """`state`: one state; None: every open case. `after`: what the page before gave as `next`."""

    controllers: Collection[str]
    state: str | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    sha256: str
    content: Content
    text: str
    drafted_at: str
    drafted_by: str


class Reading(Protocol):
    async def page(self, wanted: Filter) -> tuple[list[Json], str | None]:
        """Cases by what is due first, and where the next page begins (None: nowhere). Raises ValueError for `after`."""
        ...

    async def case(self, case_id: UUID, controllers: Collection[str]) -> Json | None:
        """All about one case. None: not there, or not theirs."""
        ...

    async def links(self, case_id: UUID, controllers: Collection[str]) -> list[Json] | None:
        """The chain of a case."""
        ...

    async def versions(self, case_id: UUID, controllers: Collection[str]) -> tuple[Case, list[Version]] | None:
        """Every version of its notice."""
        ...

    async def year(self, controller: str, year: int) -> list[Mapping[str, str]]:
        """The register of Art. 33(5): every case that was opened in that year, in UTC."""
        ...


class PeopleReading(Protocol):
    """What is shown of the people concerned: numbers, never who."""

    async def scopes(self, case_id: UUID) -> list[Json]:
        """Every scope of a case, oldest first, with what came of its searches."""
        ...


class LetterReading(Protocol):
    """What is shown of letters: numbers, never to whom."""

    async def mailings(self, case_id: UUID) -> Json: ...

    async def settle(self, case_id: UUID, *, send_again: bool, reason: str) -> int:
        """A person's decision on letters in doubt; gives how many there were."""
        ...
