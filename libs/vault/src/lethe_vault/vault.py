"""The vault as a service uses it: seal, redeem, tokens, documents, shred."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe_events.subject_token import subject_token
from lethe_postgres import crashpoint
from lethe_vault.documents import Documents
from lethe_vault.errors import Gone, Tampered, translate
from lethe_vault.keys import Wrapped
from lethe_vault.ledger import Ledger
from lethe_vault.model import Redeemed, RedemptionRecord
from lethe_vault.sealing import (
    KEY_BYTES,
    content_binding,
    decrypt,
    encrypt,
    key_binding,
    pack,
    processor_binding,
    unpack,
    unpack_corrections,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from uuid import UUID

    from lethe_postgres import Database, Tx
    from lethe_vault.errors import WrongOwner
    from lethe_vault.keys import KeyProvider
    from lethe_vault.model import DocumentInfo, Redemption, Sealing, SmallDocument, StoredDocument


class Vault:
    """`redeemer` is the name that stands in the record of redemptions, beside the database role."""

    def __init__(self, database: Database, keys: KeyProvider, *, redeemer: str) -> None:
        self._keys = keys
        self._ledger = Ledger(database, redeemer)
        self._documents = Documents(self._ledger, keys)
        self._processor_keys: dict[str, bytes] = {}

    async def seal(self, tx: Tx, items: Sequence[Sealing]) -> None:
        """Seal many DSRs with one statement of the caller's transaction: stored if and only if that commits.

        Raises AlreadySealed, which leaves the transaction unusable.
        """
        columns: tuple[list[object], ...] = ([], [], [], [], [], [])
        for item in items:
            key = os.urandom(KEY_BYTES)
            wrapped = self._keys.wrap(key, key_binding(item.dsr_id))
            bound_to = content_binding(item.dsr_id, item.subject_ref, item.controller_id)
            row = (
                item.dsr_id,
                item.subject_ref,
                item.controller_id,
                wrapped.key_id,
                wrapped.blob,
                encrypt(AESGCM(key), pack(item.identifiers, item.note, item.corrections), bound_to),
            )
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        try:
            await tx.execute(self._ledger.sql["seal"], *columns)
        except asyncpg.PostgresError as error:
            translated = translate(error)
            if translated is error:
                raise
            raise translated from error
        crashpoint("vault.sealed")

    async def redeem(self, items: Sequence[Redemption]) -> Redeemed:
        """Identifiers, and corrections where some were sealed, for tasks.

        One line per item is on record, committed, before anything is opened.

        A DSR that was shredded or never sealed is absent; so is one whose data was tampered with, which is named
        in `Redeemed.tampered`. Raises KeyMissing.
        """
        rows = await self._ledger.open("task", [i.dsr_id for i in items], [i.task_id for i in items])
        return self._open_all(rows)

    async def subject_refs(self, tx: Tx, dsr_ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """By DSR, the reference it was sealed with. It opens nothing, so nothing goes on record; absent: shredded."""
        rows = await tx.fetch(self._ledger.sql["references"], list(dsr_ids))
        return {row["dsr_id"]: row["subject_ref"] for row in rows}

    async def note(self, dsr_id: UUID, *, reason: str) -> str | None:
        """The controller's sealed note, on record with `reason` (a code). Raises Gone, Tampered or KeyMissing."""
        rows = await self._ledger.open(reason, [dsr_id], [None])
        if not rows:
            raise Gone("nothing is sealed under this id: it was never sealed, or it was shredded")
        return unpack(self._open(rows[0]))[1]

    async def subject_tokens(
        self, dsr_ids: Sequence[UUID], processors: Mapping[UUID, Sequence[str]]
    ) -> dict[tuple[UUID, str], tuple[str, ...]]:
        """Tokens of every identifier of each DSR, for each of its processors, on record.

        DSRs that are shredded, unknown or tampered with are absent. Tokens are in order of kind and value.
        """
        opened = self._open_all(await self._ledger.open("subject_tokens", dsr_ids, [None] * len(dsr_ids)))
        tokens = {}
        for dsr_id, identifiers in opened.items():
            for processor_id in processors.get(dsr_id, ()):
                key = await self._cached_processor_key(processor_id)
                tokens[dsr_id, processor_id] = tuple(
                    subject_token(key, kind, value)
                    for kind, values in sorted(identifiers.values.items())
                    for value in sorted(values)
                )
        return tokens

    async def processor_key(self, processor_id: str) -> bytes:
        """The key of a processor's subject tokens, for its operator. Created on first use, then the same for ever.

        Safe to call from several places at once. On record.
        """
        offered = self._keys.wrap(os.urandom(KEY_BYTES), processor_binding(processor_id))
        kept = await self._ledger.open_processor("processor_key", processor_id, offered.key_id, offered.blob)
        return self._keys.unwrap(Wrapped(kept["key_id"], kept["wrapped_key"]), processor_binding(processor_id))

    async def put_document(
        self,
        dsr_id: UUID,
        name: str,
        media_type: str,
        content: AsyncIterator[bytes] | bytes,
        *,
        document_id: UUID | None = None,
    ) -> StoredDocument:
        """Store a document under the DSR's key; a given `document_id` is replaced when the new content is complete.

        `name` holds no personal data: letters, digits, blank, dot, hyphen, underscore, 128 characters at most.
        Raises Gone, WrongOwner, or asyncpg's CheckViolationError for a name or media type that is not allowed.
        """
        return await self._documents.put(dsr_id, name, media_type, content, document_id)

    async def put_small_documents(
        self, documents: Sequence[SmallDocument]
    ) -> list[StoredDocument | Gone | WrongOwner | Tampered]:
        """Store documents of at most one chunk, each replacing what its id had; one answer per document, same order.

        What cannot be stored is told in its place and spoils no other; every DSR's opening is on record. Three
        statements for all of them: the caller keeps a call to a MiB or so. Raises ValueError for a larger document,
        KeyMissing, or CheckViolationError as `put_document` does.
        """
        return await self._documents.put_small(documents)

    def open_document(self, document_id: UUID, *, task_id: UUID | None = None, reason: str) -> AsyncIterator[bytes]:
        """The plaintext, chunk by chunk, on record with `reason` (a code).

        The first step raises Gone; any step may raise Tampered, Replaced or KeyMissing. Only when the iterator has
        ended without an error was the document whole.
        """
        return self._documents.open(document_id, task_id=task_id, reason=reason)

    async def document(self, document_id: UUID) -> DocumentInfo | None:
        return await self._documents.describe(document_id)

    async def shred(self, dsr_ids: Sequence[UUID]) -> int:
        """Destroy the data keys, delete ciphertext and documents, keep the record of redemptions. Safe to repeat.

        Gives how many of these DSRs still had a key. The database's own backups and write-ahead log hold the wrapped
        keys until they expire; they open only with the master key of that time.
        """
        rows = await self._ledger.fetch("shred", list(dsr_ids))
        crashpoint("vault.shredded")
        return int(rows[0][0])

    async def sweep(self) -> int:
        """Drop uploads left unfinished for a day; gives how many."""
        return int((await self._ledger.fetch("sweep_uploads"))[0][0])

    async def redemptions(self, dsr_id: UUID) -> tuple[RedemptionRecord, ...]:
        """Who opened what of this DSR, oldest first; also after shredding."""
        return tuple(RedemptionRecord(*row) for row in await self._ledger.fetch("redemptions_of", dsr_id))

    async def _cached_processor_key(self, processor_id: str) -> bytes:
        if processor_id not in self._processor_keys:
            self._processor_keys[processor_id] = await self.processor_key(processor_id)
        return self._processor_keys[processor_id]

    def _open_all(self, rows: Sequence[asyncpg.Record]) -> Redeemed:
        redeemed = Redeemed()
        for row in rows:
            try:
                plaintext = self._open(row)
            except Tampered:
                redeemed.tampered.add(row["dsr_id"])
                continue
            redeemed[row["dsr_id"]] = unpack(plaintext)[0]
            if corrections := unpack_corrections(plaintext):
                redeemed.corrections[row["dsr_id"]] = corrections
        return redeemed

    def _open(self, row: asyncpg.Record) -> bytes:
        dsr_id = row["dsr_id"]
        key = self._keys.unwrap(Wrapped(row["key_id"], row["wrapped_key"]), key_binding(dsr_id))
        return decrypt(
            AESGCM(key), row["ciphertext"], content_binding(dsr_id, row["subject_ref"], row["controller_id"])
        )
