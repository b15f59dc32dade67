"""Puts the exported parts of one DSR together into one archive, sealed as it is written."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from export_worker.application.archive import Archive
from export_worker.application.reading import SealedPart
from export_worker.domain import package, portable_xml, table
from export_worker.domain.package import MANIFEST, PAGE, Section
from export_worker.domain.page import lay_out
from export_worker.domain.part import PartSummary, bodies, document_id, dumps
from lethe_events.models import ExportPart
from lethe_events.words import Outcome, Right
from lethe_postgres import crashpoint
from lethe_processors.connector import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from export_worker.application.ports import Documents, Facts, Renderer
    from export_worker.domain.part import CollectionSummary
    from lethe_events.models import PartOf, TaskRequested

_GROWTH = 4
"""Quoted quotes and escaped characters make the records of a part grow by less than this."""


_GROWTH_OF_XML = 32
"""An element with its name and type around every value of a record."""


class Packing:
    """Streams: memory holds one chunk of one part, and the names of what was written."""

    def __init__(self, documents: Documents, facts: Facts, render: Renderer, *, clock: Callable[[], datetime]) -> None:
        self._documents = documents
        self._facts = facts
        self._render = render
        self._clock = clock

    async def pack(self, task: TaskRequested) -> Answer:
        """Safe to repeat: the package of a task replaces its earlier one. Raises BadPart, PartMismatch."""
        seen: Counter[str] = Counter()
        sections = []
        for listed in task.parts:
            seen[listed.processor_id] += 1
            sections.append(await self._section(task, listed, seen[listed.processor_id]))
        crashpoint("package.read")
        stored = await self._documents.put_document(
            task.dsr_id,
            "package.zip",
            "application/zip",
            self._bytes(task, sections),
            document_id=document_id(task.task_id),
        )
        crashpoint("package.stored")
        totals = [section.summary.totals for section in sections]
        part = ExportPart(
            document_id=stored.document_id,
            sha256=stored.sha256,
            size=stored.size,
            records=sum(t.records for t in totals),
            masked=sum(t.masked for t in totals),
        )
        return Answer(Outcome.DONE, part=part)

    async def _section(self, task: TaskRequested, listed: PartOf, number: int) -> Section:
        if listed.part is None:
            return Section(listed.processor_id, None, PartSummary(), number)
        part = SealedPart(self._documents, listed.part, task_id=task.task_id)
        return Section(listed.processor_id, listed.part, await part.summary(), number)

    async def _bytes(self, task: TaskRequested, sections: Sequence[Section]) -> AsyncIterator[bytes]:
        archive = Archive()
        made_at = self._clock()
        facts = {section.processor_id: self._facts.of(section.processor_id) for section in sections}
        page = lay_out(str(task.dsr_id), task.controller_id, made_at, sections, facts)
        async for ready in _whole(archive, PAGE, self._render(page)):
            yield ready
        for section in sections:
            if section.part is not None:
                async for ready in self._data(archive, task, section, section.part):
                    yield ready
        if task.right is Right.PORTABILITY:
            async for ready in _whole(archive, portable_xml.SCHEMA_PATH, portable_xml.SCHEMA.encode()):
                yield ready
        listed = package.manifest(task, self._facts.version(), made_at, sections, archive.files)
        async for ready in _whole(archive, MANIFEST, json.dumps(listed, indent=2, ensure_ascii=False).encode()):
            yield ready
        yield archive.end()

    async def _data(
        self, archive: Archive, task: TaskRequested, section: Section, part: ExportPart
    ) -> AsyncIterator[bytes]:
        """The files of one part: a table per collection, then all of them as one JSON file."""
        source = SealedPart(self._documents, part, task_id=task.task_id)
        for name, found in section.summary.collections.items():
            if not found.records:
                continue
            content = _table(source, name, list(found.columns))
            at_most = part.size * _GROWTH + (found.records + 1) * (len(found.columns) + 2)
            async for ready in archive.add(
                section.csv_path(name), content, at_most=at_most, records=found.records, masked=_masked(found)
            ):
                yield ready
        records = section.summary.totals.records
        tree = _tree(source, section)
        async for ready in archive.add(section.json_path, tree, at_most=part.size * _GROWTH, records=records):
            yield ready
        if task.right is Right.PORTABILITY:
            tree, at_most = _xml(source, section), part.size * _GROWTH_OF_XML + 1024
            async for ready in archive.add(section.xml_path, tree, at_most=at_most, records=records):
                yield ready
        source.forget()


def _masked(found: CollectionSummary) -> dict[str, object]:
    return {"fields": list(found.masked_fields), "rows": found.masked_rows} if found.masked_rows else {}


async def _whole(archive: Archive, path: str, content: bytes) -> AsyncIterator[bytes]:
    async def once() -> AsyncIterator[bytes]:
        yield content

    async for ready in archive.add(path, once(), at_most=len(content)):
        yield ready


async def _table(source: SealedPart, collection: str, columns: Sequence[str]) -> AsyncIterator[bytes]:
    yield table.header(columns)
    async for group in source.lines():
        if records := [json.loads(body) for body in bodies(group, collection)]:
            yield table.rows(columns, records)


async def _tree(source: SealedPart, section: Section) -> AsyncIterator[bytes]:
    """`{"processor": …, "collections": {name: [record, …]}}`, the records copied as they stand in the part."""
    yield b'{"lethe_export":1,"processor":' + dumps(section.processor_id) + b',"collections":{'
    for number, name in enumerate(section.summary.collections):
        yield (b",\n" if number else b"\n") + dumps(name) + b":["
        separator = b"\n"
        async for group in source.lines():
            if found := list(bodies(group, name)):
                yield separator + b",\n".join(found)
                separator = b",\n"
        yield b"\n]"
    yield b"\n}}\n"


async def _xml(source: SealedPart, section: Section) -> AsyncIterator[bytes]:
    """The same records under the schema that lies beside them."""
    yield portable_xml.head(section.processor_id)
    for name, found in section.summary.collections.items():
        if not found.records:
            continue
        yield portable_xml.begin(name)
        async for group in source.lines():
            if records := list(bodies(group, name)):
                yield portable_xml.records(records)
        yield portable_xml.END_COLLECTION
    yield portable_xml.END
