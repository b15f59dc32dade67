"""Takes the part of a Kafka-native processor, which brings it instead of being read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from export_worker.domain.part import PART_MEDIA_TYPE, PartLines, PartSummary, document_id, parse
from lethe_events.models import ExportPart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from uuid import UUID

    from export_worker.application.ports import Documents


class Records(NamedTuple):
    """Some records of one collection."""

    collection: str
    records: Sequence[Mapping[str, object]]


class LeftOut(NamedTuple):
    """Fields of some rows that the processor left out because they concern other people."""

    collection: str
    fields: Sequence[str]
    rows: int


Piece = Records | LeftOut


class Uploading:
    """The same task always lands in the same document, so bringing a part again replaces it."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def take(self, task_id: UUID, dsr_id: UUID, processor_id: str, pieces: AsyncIterator[Piece]) -> ExportPart:
        """Seal a part as it comes in. Raises BadPart, Shredded; a part that broke off leaves nothing."""
        lines = PartLines()
        stored = await self._documents.put_document(
            dsr_id,
            f"part-{processor_id}.ndjson",
            PART_MEDIA_TYPE,
            _sealed(lines, task_id, processor_id, pieces),
            document_id=document_id(task_id),
        )
        records, masked = lines.totals
        return ExportPart(
            document_id=stored.document_id, sha256=stored.sha256, size=stored.size, records=records, masked=masked
        )


async def _sealed(
    lines: PartLines, task_id: UUID, processor_id: str, pieces: AsyncIterator[Piece]
) -> AsyncIterator[bytes]:
    yield lines.head(task_id, processor_id)
    summary = PartSummary()  # refuses here what the package could not hold later
    async for piece in pieces:
        if isinstance(piece, Records):
            written = lines.records(piece.collection, piece.records)
        else:
            written = lines.masked(piece.collection, piece.fields, piece.rows)
        for line in written.splitlines():
            summary.add(parse(line))
        yield written
    yield lines.end()
