"""The vault as the store of parts and packages, with its refusals in the words of this worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from export_worker.domain.errors import PartMismatch, Shredded
from lethe_vault import Gone, Tampered, WrongOwner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from lethe_vault import StoredDocument, Vault


class SealedDocuments:
    """What cannot be mended by trying again becomes an ExportError; everything else is let through as transient."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def put_document(
        self,
        dsr_id: UUID,
        name: str,
        media_type: str,
        content: AsyncIterator[bytes] | bytes,
        *,
        document_id: UUID | None = None,
    ) -> StoredDocument:
        try:
            return await self._vault.put_document(dsr_id, name, media_type, content, document_id=document_id)
        except Gone as error:
            raise Shredded from error
        except WrongOwner as error:
            raise PartMismatch("part_owner", "the document belongs to another DSR") from error

    async def open_document(
        self, document_id: UUID, *, task_id: UUID | None = None, reason: str
    ) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._vault.open_document(document_id, task_id=task_id, reason=reason):
                yield chunk
        except Gone as error:
            raise PartMismatch("part_gone", "a part is not in the vault any more: export it again") from error
        except Tampered as error:
            raise PartMismatch(
                "part_tampered", "a part fails authentication: compare the vault with its backup"
            ) from error
