"""Documents under a DSR's data key, streamed both ways, never whole in memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lethe_postgres import crashpoint
from lethe_vault.errors import Gone, Replaced, Tampered, WrongOwner
from lethe_vault.keys import Wrapped
from lethe_vault.model import DocumentInfo, StoredDocument
from lethe_vault.sealing import key_binding
from lethe_vault.stream import CHUNK_BYTES, SALT_BYTES, DocumentCipher, chunked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from uuid import UUID

    import asyncpg

    from lethe_vault.keys import KeyProvider
    from lethe_vault.ledger import Ledger
    from lethe_vault.model import SmallDocument

CHUNKS_PER_CALL = 4
"""1 MiB per statement: well under its timeout, and all the memory that a transfer takes."""


class Documents:
    """Writing and reading; `Vault` is the way in."""

    def __init__(self, ledger: Ledger, keys: KeyProvider) -> None:
        self._ledger = ledger
        self._keys = keys

    async def put(
        self,
        dsr_id: UUID,
        name: str,
        media_type: str,
        content: AsyncIterator[bytes] | bytes,
        document_id: UUID | None,
    ) -> StoredDocument:
        rows = await self._ledger.open("put_document", [dsr_id], [None])
        if not rows:
            raise _gone()
        salt = os.urandom(SALT_BYTES)
        begun = (await self._ledger.fetch("begin_upload", dsr_id, document_id, name, media_type, salt))[0]
        crashpoint("vault.upload_begun")
        cipher = DocumentCipher(self._data_key(rows[0]), salt, begun["stored_as"])
        count = await self._write(begun["upload_id"], cipher, content)
        crashpoint("vault.upload_written")
        await self._ledger.fetch("finish_upload", begun["upload_id"], cipher.size, cipher.sha256, count)
        crashpoint("vault.upload_finished")
        return StoredDocument(begun["stored_as"], cipher.sha256, cipher.size)

    async def put_small(
        self, documents: Sequence[SmallDocument]
    ) -> list[StoredDocument | Gone | WrongOwner | Tampered]:
        if any(len(d.content) > CHUNK_BYTES for d in documents):
            raise ValueError("a small document is one chunk at most: use put")
        if not documents:
            return []
        rows = await self._ledger.open("put_document", [d.dsr_id for d in documents], [None] * len(documents))
        keys = {row["dsr_id"]: row for row in rows}
        found: list[StoredDocument | Gone | WrongOwner | Tampered] = []
        columns: tuple[list[object], ...] = ([], [], [], [], [], [], [], [])
        places = []
        for place, one in enumerate(documents):
            try:
                stored, row = self._sealed(one, keys.get(one.dsr_id))
            except (Gone, Tampered) as error:
                found.append(error)
                continue
            found.append(stored)
            places.append(place)
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        if places:
            for refused in await self._ledger.fetch("store_documents", *columns):
                found[places[refused["place"] - 1]] = _REFUSALS[refused["reason"]]()
        crashpoint("vault.upload_finished")
        return found

    def _sealed(self, one: SmallDocument, row: asyncpg.Record | None) -> tuple[StoredDocument, tuple[object, ...]]:
        """What is told of the document, and what is stored of it."""
        if row is None:
            raise _gone()
        salt = os.urandom(SALT_BYTES)
        cipher = DocumentCipher(self._data_key(row), salt, one.document_id)
        ciphertext = cipher.encrypt(0, one.content, final=True)
        stored = StoredDocument(one.document_id, cipher.sha256, cipher.size)
        names = (one.dsr_id, one.document_id, one.name, one.media_type)
        return stored, (*names, salt, cipher.size, cipher.sha256, ciphertext)

    async def _write(self, upload_id: UUID, cipher: DocumentCipher, content: AsyncIterator[bytes] | bytes) -> int:
        waiting: list[bytes] = []
        sent = 0
        async for plaintext, final in chunked(content):
            waiting.append(cipher.encrypt(sent + len(waiting), plaintext, final=final))
            if final or len(waiting) == CHUNKS_PER_CALL:
                await self._ledger.fetch("put_chunks", upload_id, sent, waiting)
                sent += len(waiting)
                waiting = []
        return sent

    async def open(self, document_id: UUID, *, task_id: UUID | None, reason: str) -> AsyncIterator[bytes]:
        found = await self._ledger.open_document(reason, document_id, task_id)
        if found is None:
            raise Gone("no document under this id: it was never stored, or its request was shredded")
        cipher = DocumentCipher(self._data_key(found), found["salt"], document_id)
        last = found["chunks"] - 1
        for first in range(0, found["chunks"], CHUNKS_PER_CALL):
            wanted = range(first, min(first + CHUNKS_PER_CALL, found["chunks"]))
            rows = await self._ledger.fetch("read_chunks", found["upload_id"], first, len(wanted))
            if [row["position"] for row in rows] != list(wanted):
                await self._explain_missing(document_id, found["upload_id"])
            for row in rows:
                yield cipher.decrypt(row["position"], row["ciphertext"], final=row["position"] == last)
        if cipher.sha256 != found["sha256"] or cipher.size != found["size"]:
            raise Tampered("a document's recorded hash is not that of its content: compare the vault with its backup")

    async def _explain_missing(self, document_id: UUID, upload_id: UUID) -> None:
        described = await self._ledger.fetch("describe_document", document_id)
        if not described:
            raise Gone("the document's request was shredded while it was read")
        if described[0]["upload_id"] != upload_id:
            raise Replaced("the document was written anew while it was read: open it again")
        raise Tampered("chunks of a document are missing: compare the vault with its backup")

    async def describe(self, document_id: UUID) -> DocumentInfo | None:
        rows = await self._ledger.fetch("describe_document", document_id)
        if not rows:
            return None
        row = rows[0]
        return DocumentInfo(
            document_id=document_id,
            dsr_id=row["dsr_id"],
            name=row["name"],
            media_type=row["media_type"],
            size=row["size"],
            sha256=row["sha256"],
            stored_at=row["stored_at"],
        )

    def _data_key(self, row: asyncpg.Record) -> bytes:
        return self._keys.unwrap(Wrapped(row["key_id"], row["wrapped_key"]), key_binding(row["dsr_id"]))


def _gone() -> Gone:
    return Gone("nothing is sealed under this id: it was never sealed, or it was shredded")


def _foreign() -> WrongOwner:
    return WrongOwner("the document id belongs to another DSR: choose a new one")


_REFUSALS: dict[str, Callable[[], Gone | WrongOwner]] = {"gone": _gone, "owner": _foreign}
