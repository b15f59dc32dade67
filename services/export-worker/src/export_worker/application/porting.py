"""Between a processor and its part: lets through what a portable copy holds, and tells what it does not."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from export_worker.domain.portability import Kept, Reason
from lethe_events.models import Count
from lethe_events.words import Method, Right

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from export_worker.application.writing import PartSink
    from export_worker.domain.portability import Portability
    from lethe_processors.connector import Answer, WorkItem


class PortableSink:
    """An `ExportSink` that narrows what tasks of the right to portability deliver; others pass as they are."""

    def __init__(self, sink: PartSink, portability: Portability) -> None:
        self._sink = sink
        self._portability = portability
        self._rows: dict[UUID, Counter[str]] = defaultdict(Counter)
        self._seen: dict[UUID, dict[str, None]] = defaultdict(dict)

    async def write(self, item: WorkItem, collection: str, records: Sequence[Mapping[str, object]]) -> None:
        if item.task.right is not Right.PORTABILITY:
            await self._sink.write(item, collection, records)
            return
        self._seen[item.task.task_id][collection] = None
        kept = self._portability.of(collection)
        if isinstance(kept, Reason):
            return
        narrowed = records if kept is None else [kept.of(record) for record in records]
        self._rows[item.task.task_id][collection] += len(narrowed)
        await self._sink.write(item, collection, narrowed)

    async def masked(self, item: WorkItem, collection: str, fields: Iterable[str], rows: int) -> None:
        if item.task.right is Right.PORTABILITY and isinstance(self._portability.of(collection), Reason):
            self._seen[item.task.task_id][collection] = None
            return
        await self._sink.masked(item, collection, fields, rows)

    async def finish(self, item: WorkItem, answer: Answer) -> Answer:
        """Write what was left out of the item's part, and count what went into it."""
        if item.task.right is not Right.PORTABILITY:
            return answer
        for collection in self._seen[item.task.task_id]:
            kept = self._portability.of(collection)
            if isinstance(kept, Reason):
                await self._sink.left_out(item, collection, (), kept.why, kept.article)
            elif isinstance(kept, Kept):
                for reason, fields in kept.left_out.items():
                    await self._sink.left_out(item, collection, fields, reason.why, reason.article)
        rows = self._rows[item.task.task_id]
        masked = [c for c in answer.counts if c.method is Method.MASKED and rows[c.collection]]
        counts = [Count(collection=name, method=Method.EXPORTED, rows=n) for name, n in sorted(rows.items()) if n]
        return replace(answer, counts=(*counts, *masked)) if answer.counts else answer
