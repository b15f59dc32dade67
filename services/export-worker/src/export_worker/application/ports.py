"""What the export worker needs of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from export_worker.domain.facts import ProcessorFacts
    from export_worker.domain.page import Page


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
