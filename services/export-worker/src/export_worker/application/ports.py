"""What the export worker needs of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from datetime import timedelta
    from uuid import UUID

    from export_worker.domain.facts import ProcessorFacts
    from export_worker.domain.page import Page
    from lethe_events import SearchAnswered, SearchRequested
    from lethe_postgres import Tx


class Stored(Protocol):
    """A document as it lies in the store; hash (hex) and size (bytes) are of the plaintext."""

    @property
    def document_id(self) -> UUID: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int: ...


class Small(NamedTuple):
    """A document that is held in memory whole, at most SMALL bytes."""

    dsr_id: UUID
    document_id: UUID
    name: str
    media_type: str
    content: bytes


SMALL = 256 * 1024


class Documents(Protocol):
    """The sealed store of documents: chunked, under the key of the DSR, every opening recorded."""

    async def put_document(
        self,
        dsr_id: UUID,
        name: str,
        media_type: str,
        content: AsyncIterator[bytes] | bytes,
        *,
        document_id: UUID | None = None,
    ) -> Stored:
        """Replaces an earlier version when the content has ended; a stream that fails leaves nothing."""
        ...

    async def put_small(self, documents: Sequence[Small]) -> list[Stored | Exception]:
        """Store some documents together; an error stands in the place of what could not be stored."""
        ...

    def open_document(self, document_id: UUID, *, task_id: UUID | None = None, reason: str) -> AsyncIterator[bytes]: ...


class Facts(Protocol):
    """The register, as far as an answer to the data subject needs it."""

    def version(self) -> str: ...

    def of(self, processor_id: str) -> ProcessorFacts:
        """What the register says of a processor; of one it no longer knows, only its id."""
        ...


class Renderer(Protocol):
    """Writes the page for people."""

    def __call__(self, page: Page, /) -> bytes: ...


class Claimed(NamedTuple):
    """A search for the case of a breach that this process works on. `tries` counts this one."""

    request: SearchRequested
    tries: int


class SearchStore(Protocol):
    """The rows of searches."""

    async def accept(self, tx: Tx, requests: Sequence[SearchRequested]) -> list[SearchAnswered]:
        """Take what is new; gives the answers to those that were answered before."""
        ...

    async def claim(self, lease: timedelta, dead: Collection[UUID]) -> Claimed | None: ...

    async def again(self, claimed: Claimed, seconds: float) -> None: ...

    async def settle(self, tx: Tx, claimed: Claimed, answer: SearchAnswered) -> bool: ...


class PeopleKeys(Protocol):
    """Where the key comes from under which all people of a controller are referred to."""

    async def processor_key(self, processor_id: str) -> bytes: ...
