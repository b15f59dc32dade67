"""A store of documents in memory that behaves like the vault: chunks, hashes, nothing from a stream that fails."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID


@dataclass(frozen=True)
class Stored:
    document_id: UUID
    sha256: str
    size: int


class _Small(Protocol):
    @property
    def dsr_id(self) -> UUID: ...
    @property
    def document_id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def content(self) -> bytes: ...


class Documents:
    """`gone`: DSRs that were shredded; `failing`: DSRs whose streams break off. `most`: the largest piece handed over.

    `shredded` and `missing` are what is raised for a DSR in `gone` and for a document that is not there.
    """

    def __init__(self, *, shredded: Exception, missing: Exception, chunk: int = 64) -> None:
        self.contents: dict[UUID, bytes] = {}
        self._shredded = shredded
        self._missing = missing
        self.opened: list[tuple[UUID, UUID | None, str]] = []
        self.gone: set[UUID] = set()
        self.failing: set[UUID] = set()
        self.most = 0
        self._chunk = chunk

    async def put_document(
        self,
        dsr_id: UUID,
        name: str,  # noqa: ARG002 - the port has it
        media_type: str,  # noqa: ARG002
        content: AsyncIterator[bytes] | bytes,
        *,
        document_id: UUID | None = None,
    ) -> Stored:
        assert document_id is not None
        if dsr_id in self.gone:
            raise self._shredded
        pieces = []
        if isinstance(content, bytes):
            pieces.append(content)
        else:
            async for piece in content:
                if dsr_id in self.failing:
                    for _ in range(10):  # whoever writes goes on meanwhile, and has to wait for us
                        await asyncio.sleep(0)
                    raise ConnectionError
                self.most = max(self.most, len(piece))
                pieces.append(piece)
        if dsr_id in self.failing:
            raise ConnectionError
        whole = b"".join(pieces)
        self.contents[document_id] = whole
        return Stored(document_id, hashlib.sha256(whole).hexdigest(), len(whole))

    async def put_small(self, documents: Sequence[_Small]) -> list[Stored | Exception]:
        found: list[Stored | Exception] = []
        for one in documents:
            try:
                found.append(
                    await self.put_document(
                        one.dsr_id, one.name, one.media_type, one.content, document_id=one.document_id
                    )
                )
            except Exception as error:  # noqa: BLE001 - told in its place, as the vault does
                found.append(error)
        return found

    async def open_document(
        self, document_id: UUID, *, task_id: UUID | None = None, reason: str
    ) -> AsyncIterator[bytes]:
        self.opened.append((document_id, task_id, reason))
        if document_id not in self.contents:
            raise self._missing
        whole = self.contents[document_id]
        for start in range(0, len(whole), self._chunk):
            yield whole[start : start + self._chunk]
