"""Reads a processor: an export with its parts, or a look at whether something is still there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from export_worker.application.cleaning import CleaningSink, declared
from export_worker.application.porting import PortableSink
from export_worker.application.writing import PartSink
from export_worker.domain.errors import ExportError
from export_worker.domain.looking import judge_export, judge_look
from export_worker.domain.portability import Portability
from lethe_events.words import Outcome, Right
from lethe_postgres import crashpoint
from lethe_processors.connector import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from export_worker.application.ports import Documents
    from lethe_events.models import ExportPart
    from lethe_processors.connector import Connector, WorkItem
    from lethe_processors.register import Processor


class Exporting:
    """Verb export: a sealed part for each task that found something."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def __call__(self, processor: Processor, connector: Connector, items: Sequence[WorkItem], /) -> list[Answer]:
        async with PartSink(self._documents, items) as sink:
            said = await _read(processor, connector, items, sink)
            crashpoint("export.read")
            answers = [
                judge_export(answer, delivered=sink.says_anything(item))
                for item, answer in zip(items, said, strict=True)
            ]
            wanted = [item for item, answer in zip(items, answers, strict=True) if answer.outcome is Outcome.DONE]
            parts = await sink.finish(wanted)
            crashpoint("export.stored")
        return [_with_part(answer, parts.get(item.task.task_id)) for item, answer in zip(items, answers, strict=True)]


async def _read(processor: Processor, connector: Connector, items: Sequence[WorkItem], sink: PartSink) -> list[Answer]:
    """An access is given everything; of a portable copy only what Art. 20 covers is written at all."""
    free_text = declared(processor.dataset)
    if all(item.task.right is not Right.PORTABILITY for item in items):
        return await connector.export(items, CleaningSink(sink, free_text) if free_text else sink)
    bases = {p.use: p.lawful_basis.value for p in processor.purposes}
    described = processor.dataset.collections if processor.dataset is not None else None
    portable = PortableSink(sink, Portability(bases, described))
    said = await connector.export(items, CleaningSink(portable, free_text) if free_text else portable)
    return [await portable.finish(item, answer) for item, answer in zip(items, said, strict=True)]


def _with_part(answer: Answer, part: ExportPart | Exception | None) -> Answer:
    if isinstance(part, ExportError):
        return Answer.permanent(part.code)
    if isinstance(part, Exception):
        return Answer.transient("part_not_stored")
    return replace(answer, part=part)


async def look(_: Processor, connector: Connector, items: Sequence[WorkItem], /) -> list[Answer]:
    """Verb verify."""
    return [judge_look(answer) for answer in await connector.verify(items)]
