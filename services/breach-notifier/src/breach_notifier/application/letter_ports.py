"""What letters to data subjects need from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from breach_notifier.application.people_ports import Sought
    from breach_notifier.domain.case import Case
    from breach_notifier.domain.letters import Content, Said
    from lethe_delivery import State
    from lethe_postgres import Tx
    from lethe_vault import StoredDocument


@dataclass(frozen=True, slots=True)
class Mailing:
    """Letters on one person's word. `content`: as `letters.to_json` wrote it."""

    case_id: UUID
    number: int
    scope: int
    controller_id: str
    occurrence: int
    content: str
    ordered_by: str
    ordered_at: datetime
    state: str


class Latest(NamedTuple):
    """Numbers; 0 where there is none. `scope`: the last one that was counted."""

    mailing: int
    scope: int
    under_way: bool
    counting: bool


class Contact(NamedTuple):
    """How somebody is reached. `ref`: by which they are concerned; `person`: token of the address. Never logged."""

    ref: str
    person: str
    to: str
    language: str

    def __repr__(self) -> str:
        return "Contact(…)"


class MailingStore(Protocol):
    async def latest(self, tx: Tx, case_id: UUID) -> Latest: ...

    async def insert(  # noqa: PLR0917 - the columns
        self, tx: Tx, case: Case, number: int, scope: int, content: str, by: str
    ) -> None: ...

    async def open(self) -> list[Mailing]: ...

    async def still(self, tx: Tx, mailing: Mailing) -> bool:
        """Lock it; whether it is in the state that was read."""
        ...

    async def becomes(self, tx: Tx, mailing: Mailing, state: str, reason: str | None = None) -> None: ...

    def wanted(self, mailing: Mailing, *, possible: bool) -> AsyncIterator[bytes]:
        """References of who is to be reached, a line each."""
        ...

    async def sent_off(self, tx: Tx, documents: Mapping[UUID, UUID]) -> None: ...

    async def fed(self, tx: Tx, mailing: Mailing, search: Sought, contacts: Mapping[UUID, str]) -> bool:
        """Write down where these contacts lie. False: somebody else took the page."""
        ...

    async def letters(self, case_id: UUID) -> Mapping[State, int]: ...

    async def deliveries(self, mailing: Mailing, purpose: str) -> Sequence[Mapping[str, Any]]: ...

    async def missed(self, mailing: Mailing, purpose: str, *, possible: bool) -> int: ...

    async def withdraw(self, mailing: Mailing, why: str) -> None:
        """Take letters out that nobody has begun."""
        ...


class ContactVault(Protocol):
    async def store(self, task_id: UUID, content: AsyncIterator[bytes]) -> StoredDocument: ...

    async def contacts(self, document_id: UUID, task_id: UUID) -> list[Contact]:
        """One page, on record. A page whose key was destroyed has nobody."""
        ...


class Words(Protocol):
    """A finished text."""

    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str: ...


class Writing(Protocol):
    """Renders letters. Raises Refused where the law asks for more than is said."""

    def check(self, case: Case, content: Content, written_on: date) -> None: ...

    def rest(self) -> None:
        """No mailing is under way: nothing of anybody is kept in memory."""
        ...

    def public(self, case: Case, said: Said, language: str, written_on: date, affected: str) -> Words: ...
