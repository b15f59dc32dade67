"""What lies where in a package, and what its manifest says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from export_worker.domain.errors import PartMismatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from export_worker.domain.part import PartSummary
    from lethe_events.models import ExportPart, TaskRequested

PAGE = "index.html"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Section:
    """One processor's part as the package will show it. `part` None: nothing was delivered for it.

    `number`: counts the parts of one processor, which has more than one if it was asked in several rounds.
    """

    processor_id: str
    part: ExportPart | None
    summary: PartSummary
    number: int = 1

    @property
    def _folder(self) -> str:
        return self.processor_id if self.number == 1 else f"{self.processor_id}~{self.number}"

    @property
    def json_path(self) -> str:
        return f"data/{self._folder}.json"

    @property
    def xml_path(self) -> str:
        return f"data/{self._folder}.xml"

    def csv_path(self, collection: str) -> str:
        return f"data/{self._folder}/{collection}.csv"


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file as it was written into the package."""

    path: str
    sha256: str
    size: int
    records: int | None = None
    masked: Mapping[str, object] = field(default_factory=dict)


def check_part(expected: ExportPart, sha256: str, size: int) -> None:
    """Raise PartMismatch unless what was read from the vault is what the processor's ack named."""
    if (sha256, size) != (expected.sha256, expected.size):
        raise PartMismatch("part_hash", "a part is not the one that was acknowledged: export it again")


def manifest(
    task: TaskRequested,
    register_version: str,
    made_at: datetime,
    sections: Sequence[Section],
    files: Sequence[PackedFile],
) -> dict[str, object]:
    """Everything that is in the package with its hash, and which sealed part each came from."""
    return {
        "lethe_package": 1,
        "dsr_id": str(task.dsr_id),
        "controller_id": task.controller_id,
        "task_id": str(task.task_id),
        "made_at": made_at.isoformat(),
        "register_version": register_version,
        "parts": [_part(section) for section in sections],
        "files": [_file(packed) for packed in files],
    }


def _part(section: Section) -> dict[str, object]:
    described: dict[str, object] = {"processor_id": section.processor_id}
    if section.part is not None:
        totals = section.summary.totals
        described |= {
            "document_id": str(section.part.document_id),
            "sha256": section.part.sha256,
            "size": section.part.size,
            "records": totals.records,
            "masked_rows": totals.masked,
        }
    if section.summary.left_out:
        described["left_out"] = [
            {"collection": line.collection, "fields": list(line.fields), "why": line.why, "article": line.article}
            for line in section.summary.left_out
        ]
    return described


def _file(packed: PackedFile) -> dict[str, object]:
    described: dict[str, object] = {"path": packed.path, "sha256": packed.sha256, "size": packed.size}
    if packed.records is not None:
        described["records"] = packed.records
    if packed.masked:
        described["masked"] = dict(packed.masked)
    return described
