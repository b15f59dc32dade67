"""The vault as the store of parts and packages, with its refusals in the words of this worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from export_worker.domain.errors import PartMismatch, Shredded
from lethe_vault import Gone, SmallDocument, Tampered, WrongOwner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from export_worker.application.ports import Small, Stored
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
        except (Gone, WrongOwner) as error:
            raise _refusal(error) from error

    async def put_small(self, documents: Sequence[Small]) -> list[Stored | Exception]:
        found = await self._vault.put_small_documents([SmallDocument(*one) for one in documents])
        return [_refusal(one) if isinstance(one, Exception) else one for one in found]

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


def _refusal(error: Exception) -> Exception:
    if isinstance(error, Gone):
        return Shredded()
    if isinstance(error, WrongOwner):
        return PartMismatch("part_owner", "the document belongs to another DSR")
    return error
