"""Handing out the export package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from intake.domain.package import PackageState, package_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from intake.application.ports import Documents, Store
    from lethe_vault import DocumentInfo

REASON = "package_download"


class NoSuchDsr(Exception):
    """Unknown, or of another controller: the caller cannot tell which."""


class PackageNotReady(Exception):
    """It will come."""


class NoPackage(Exception):
    """This DSR has none and will have none."""


class PackageGone(Exception):
    """Its data key was destroyed when the retention of the DSR ended."""


@dataclass(frozen=True, slots=True)
class Download:
    """`content` may be read once; only if it ends without an error was the package whole."""

    info: DocumentInfo
    content: AsyncIterator[bytes]


class Packages:
    def __init__(self, store: Store, documents: Documents, now: Callable[[], datetime]) -> None:
        self._store = store
        self._documents = documents
        self._now = now

    async def open(self, dsr_id: UUID, controller_ids: Iterable[str], principal: str) -> Download:
        """On record (who, which, when) before the first byte leaves. Raises one of the four errors above."""
        facts = await self._store.package(dsr_id, controller_ids)
        if facts is None:
            raise NoSuchDsr
        state = package_state(facts)
        if state is PackageState.NEVER:
            raise NoPackage
        if state is PackageState.NOT_YET or facts.document_id is None:
            raise PackageNotReady
        info = await self._documents.document(facts.document_id)
        if info is None or info.dsr_id != dsr_id:
            raise PackageGone
        await self._store.record_download(dsr_id, facts.document_id, principal, self._now())
        return Download(info, self._documents.open_document(facts.document_id, reason=REASON))
