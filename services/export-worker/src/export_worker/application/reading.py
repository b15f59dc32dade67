"""Reads a sealed part line by line, as often as needed, and believes it only if its hash is the acknowledged one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from export_worker.domain.errors import BadPart
from export_worker.domain.package import check_part
from export_worker.domain.part import MAX_LINE, PartSummary, parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from export_worker.application.ports import Documents
    from lethe_events.models import ExportPart

KEEP_UP_TO = 4 * 1024 * 1024
"""Bytes of a part that is kept in memory while its files are written; a larger one is opened again for each file."""


class SealedPart:
    """One part in the vault. Every reading checks the whole of it against the hash and size of its ack."""

    def __init__(self, documents: Documents, part: ExportPart, *, task_id: UUID) -> None:
        self._documents = documents
        self._part = part
        self._task_id = task_id
        self._kept: list[list[bytes]] | None = None

    async def lines(self) -> AsyncIterator[list[bytes]]:
        """Lines in groups of about a chunk. Raises PartMismatch after the last group, BadPart at an endless line."""
        if self._kept is not None:
            for group in self._kept:
                yield group
            return
        kept: list[list[bytes]] | None = [] if self._part.size <= KEEP_UP_TO else None
        async for group in self._read():
            if kept is not None:
                kept.append(group)
            yield group
        self._kept = kept

    async def _read(self) -> AsyncIterator[list[bytes]]:
        digest, size, rest = hashlib.sha256(), 0, b""
        async for chunk in self._documents.open_document(
            self._part.document_id, task_id=self._task_id, reason="package"
        ):
            digest.update(chunk)
            size += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > 2 * MAX_LINE:
                raise BadPart("part_line", "a line of the part is too long: export it again")
            yield lines
        check_part(self._part, digest.hexdigest(), size)
        if rest:
            raise BadPart("part_end", "the part does not end with a whole line: export it again")

    async def summary(self) -> PartSummary:
        """What is in the part. Raises BadPart or PartMismatch."""
        summary = PartSummary()
        async for group in self.lines():
            for line in group:
                summary.add(parse(line))
        if not summary.ended:
            raise BadPart("part_end", "the part was cut off: export it again")
        return summary

    def forget(self) -> None:
        """Let go of what was kept in memory."""
        self._kept = None
