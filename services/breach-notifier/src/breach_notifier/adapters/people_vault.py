"""The vault, as far as the people of a breach are concerned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from breach_notifier.application.letter_ports import Contact
from lethe_events.ids import uuid5
from lethe_vault import Gone, Identifiers, Sealing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from uuid import UUID

    from lethe_postgres import Tx
    from lethe_vault import StoredDocument, Vault


class SealedPeople:
    """Implements `PeopleVault`."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def prepare(self, tx: Tx, tasks: Collection[UUID], controller_id: str) -> None:
        nobody = Identifiers({})
        await self._vault.seal(tx, [Sealing(task, task, controller_id, nobody) for task in tasks])

    async def lines(self, document_id: UUID, task_id: UUID, reason: str) -> AsyncIterator[list[bytes]]:
        """Groups of whole lines. A document that is gone (its key was destroyed) has none."""
        rest = b""
        try:
            async for chunk in self._vault.open_document(document_id, task_id=task_id, reason=reason):
                *whole, rest = (rest + chunk).split(b"\n")
                yield whole
        except Gone:
            return
        if rest:
            yield [rest]

    async def store(self, task_id: UUID, content: AsyncIterator[bytes]) -> StoredDocument:
        """A list of references under the key of a search; written again, it replaces the one before."""
        id_ = uuid5(task_id, "wanted")
        return await self._vault.put_document(task_id, "wanted", "text/plain", content, document_id=id_)

    async def contacts(self, document_id: UUID, task_id: UUID) -> list[Contact]:
        """The page is opened on record."""
        found = [line async for lines in self.lines(document_id, task_id, "breach_letters") for line in lines]
        return [Contact(**json.loads(line)) for line in found if line]

    async def tokens(
        self, dsr_ids: Sequence[UUID], processors: Mapping[UUID, Sequence[str]]
    ) -> Mapping[tuple[UUID, str], tuple[str, ...]]:
        return await self._vault.subject_tokens(dsr_ids, processors)

    async def shred(self, ids: Sequence[UUID]) -> None:
        await self._vault.shred(ids)
