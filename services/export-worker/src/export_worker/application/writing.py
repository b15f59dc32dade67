"""Parts on their way into the vault while a processor is still being read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from export_worker.application.ports import SMALL, Small
from export_worker.domain.errors import BadPart
from export_worker.domain.part import PART_MEDIA_TYPE, PartLines, document_id
from lethe_events.models import ExportPart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self
    from uuid import UUID

    from export_worker.application.ports import Documents, Stored
    from export_worker.domain.part import Totals
    from lethe_events.models import TaskRequested
    from lethe_processors.connector import WorkItem

_Form = Callable[[PartLines], bytes]

HOLD_BACK = SMALL - 1024
"""Bytes of a part that wait in memory before a stream to the vault is opened: most parts never need one."""
_PIECES = 2
_CALL = 1024 * 1024
"""Bytes of small parts that are stored by one call to the vault."""
_AT_ONCE = 2
"""Such calls at the same time."""


class PartSink:
    """An `ExportSink` for one batch: a part per task, whatever the order in which the processor is read.

    Memory per task: what is held back, and a few pieces on their way. Used as a context manager around the call of
    the connector; `finish` stores what is left and gives the parts. A stream that is not finished leaves nothing.
    """

    def __init__(self, documents: Documents, items: Sequence[WorkItem]) -> None:
        self._documents = documents
        self._group = asyncio.TaskGroup()
        self._parts = {item.task.task_id: _Part(documents, item.task) for item in items}

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in self._parts.values():
            part.abandon()
        await self._group.__aexit__(None, None, None)  # not given the error, which it would wrap in a group

    async def write(self, item: WorkItem, collection: str, records: Sequence[Mapping[str, object]]) -> None:
        part = self._parts[item.task.task_id]
        await part.add(lambda lines: lines.records(collection, records), self._group)

    async def masked(self, item: WorkItem, collection: str, fields: Iterable[str], rows: int) -> None:
        part = self._parts[item.task.task_id]
        await part.add(lambda lines: lines.masked(collection, fields, rows), self._group)

    async def left_out(self, item: WorkItem, collection: str, fields: Iterable[str], why: str, article: str) -> None:
        """Fields, or without any the whole collection, that the right asked for does not cover."""
        part = self._parts[item.task.task_id]
        await part.add(lambda lines: lines.left_out(collection, fields, why, article), self._group)

    def says_anything(self, item: WorkItem) -> bool:
        return self._parts[item.task.task_id].lines.says_anything

    def totals(self, item: WorkItem) -> Totals:
        return self._parts[item.task.task_id].lines.totals

    async def finish(self, items: Sequence[WorkItem]) -> dict[UUID, ExportPart | Exception]:
        """Store the parts of these items, by task id. An error stands in the place of its part and spoils no other."""
        parts = {item.task.task_id: self._parts[item.task.task_id] for item in items}
        small: list[_Part] = []
        for part in parts.values():
            await part.end()
            small += [part] if part.is_small else []
        free = asyncio.Semaphore(_AT_ONCE)

        async def some(group: Sequence[_Part]) -> None:
            async with free:
                await self._store(group)

        for task in [self._group.create_task(some(group)) for group in _together(small)]:
            await task
        return {task_id: part.result() for task_id, part in parts.items()}

    async def _store(self, parts: Sequence[_Part]) -> None:
        try:
            found = await self._documents.put_small([part.small() for part in parts])
        except Exception as error:  # noqa: BLE001 - these persons' parts; the worker tells what it means
            found = [error] * len(parts)
        for part, stored in zip(parts, found, strict=True):
            part.take(stored)


def _together(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """Parts for one call to the vault each."""
    group: list[_Part] = []
    size = 0
    for part in parts:
        if group and size + part.size > _CALL:
            yield group
            group, size = [], 0
        group.append(part)
        size += part.size
    if group:
        yield group


class _Part:
    """One part. Held back until it is finished or grows; an error ends it without touching the others."""

    def __init__(self, documents: Documents, task: TaskRequested) -> None:
        self._documents = documents
        self._task = task
        self.lines = PartLines()
        self._held = [self.lines.head(task.task_id, task.processor_id)]
        self._size = len(self._held[0])
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES)
        self._stream: asyncio.Task[None] | None = None
        self._stored: Stored | None = None
        self._error: Exception | None = None

    async def add(self, form: _Form, group: asyncio.TaskGroup) -> None:
        if self._error is not None:
            return
        try:
            piece = form(self.lines)
        except BadPart as error:
            self._error = error
            return
        self._held.append(piece)
        self._size += len(piece)
        if self._size >= HOLD_BACK:
            if self._stream is None:
                self._stream = group.create_task(self._run())
            await self._hand_over()

    @property
    def is_small(self) -> bool:
        """Whether it is whole in memory, to be stored with others."""
        return self._stream is None and self._error is None

    @property
    def size(self) -> int:
        return self._size

    async def end(self) -> None:
        """Write the last line; a part that is being streamed is then stored."""
        if self._error is not None:
            return
        last = self.lines.end()
        self._held.append(last)
        self._size += len(last)
        if self._stream is not None:
            await self._hand_over()
            await self._pieces.put(None)
            await self._stream

    def small(self) -> Small:
        task, content = self._task, b"".join(self._held)
        return Small(
            task.dsr_id, document_id(task.task_id), f"part-{task.processor_id}.ndjson", PART_MEDIA_TYPE, content
        )

    def take(self, stored: Stored | Exception) -> None:
        if isinstance(stored, Exception):
            self._error = stored
        else:
            self._stored = stored

    def result(self) -> ExportPart | Exception:
        if self._error is not None or self._stored is None:
            return self._error or BadPart("part_end", "the part was not stored")
        records, masked = self.lines.totals
        stored = self._stored
        return ExportPart(
            document_id=stored.document_id, sha256=stored.sha256, size=stored.size, records=records, masked=masked
        )

    def abandon(self) -> None:
        if self._stream is not None:
            self._stream.cancel()

    async def _hand_over(self) -> None:
        piece = b"".join(self._held)
        self._held.clear()
        self._size = 0
        await self._pieces.put(piece)

    async def _run(self) -> None:
        await self._store(self._drain())
        if self._error is not None:
            async for _ in self._drain():
                pass  # whoever writes must not wait for a stream that has failed

    async def _store(self, content: AsyncIterator[bytes]) -> None:
        task = self._task
        try:
            self._stored = await self._documents.put_document(
                task.dsr_id,
                f"part-{task.processor_id}.ndjson",
                PART_MEDIA_TYPE,
                content,
                document_id=document_id(task.task_id),
            )
        except Exception as error:  # noqa: BLE001 - one person's part; the worker tells what it means
            self._error = error

    async def _drain(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece
