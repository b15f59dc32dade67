"""Between a processor and its part: takes other people's identifiers out of fields that are declared as free text."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from export_worker.domain.free_text import Finder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from lethe_processors.connector import ExportSink, WorkItem
    from lethe_processors.dataset.model import Collection, Dataset, Field, FreeText

    Path = tuple[str, ...]


def declared(dataset: Dataset | None) -> Mapping[str, Mapping[Path, FreeText]]:
    """Collection → the fields of free text in it. Empty for most: their exports pay nothing."""
    if dataset is None:
        return {}
    found = {c.name: dict(_fields(c)) for c in dataset.collections}
    return {name: fields for name, fields in found.items() if fields}


def _fields(collection: Collection) -> Iterator[tuple[Path, FreeText]]:
    def walk(path: Path, field: Field) -> Iterator[tuple[Path, FreeText]]:
        if field.free_text is not None:
            yield path, field.free_text
        for nested in field.nested:
            yield from walk((*path, nested.name), nested)

    for field in collection.fields:
        yield from walk((field.name,), field)


class CleaningSink:
    """An `ExportSink`. What it holds is one group of records; looking runs beside the event loop."""

    def __init__(self, sink: ExportSink, fields: Mapping[str, Mapping[Path, FreeText]]) -> None:
        self._sink = sink
        self._fields = fields
        self._finders: dict[tuple[UUID, tuple[str, ...]], Finder] = {}

    async def write(self, item: WorkItem, collection: str, records: Sequence[Mapping[str, object]]) -> None:
        fields = self._fields.get(collection)
        if fields is None:
            await self._sink.write(item, collection, records)
            return
        cleaned, touched, rows = await asyncio.to_thread(self._clean, item, fields, records)
        await self._sink.write(item, collection, cleaned)
        if rows:
            await self._sink.masked(item, collection, sorted(touched), rows)

    async def masked(self, item: WorkItem, collection: str, fields: Iterable[str], rows: int) -> None:
        await self._sink.masked(item, collection, fields, rows)

    def _clean(
        self, item: WorkItem, fields: Mapping[Path, FreeText], records: Sequence[Mapping[str, object]]
    ) -> tuple[list[Mapping[str, object]], set[str], int]:
        """Records as they may be handed over; which fields of how many of them lost something."""
        done: list[Mapping[str, object]] = []
        touched: set[str] = set()
        rows = 0
        for record in records:
            new: object = record
            hit = False
            for path, policy in fields.items():
                new, changed = _at(new, path, self._finder(item, policy), withhold=policy.withhold)
                if changed:
                    touched.add(".".join(path))
                    hit = True
            rows += hit
            assert isinstance(new, dict), "a record stays a record"
            done.append(new)
        return done, touched, rows

    def _finder(self, item: WorkItem, policy: FreeText) -> Finder:
        key = (item.task.task_id, policy.regions)
        if key not in self._finders:
            self._finders[key] = Finder.of(item.identifiers, policy.regions)
        return self._finders[key]


def _at(value: object, path: Path, finder: Finder, *, withhold: bool) -> tuple[object, bool]:
    """The same with every text at and below `path` cleaned, and whether that changed anything."""
    if path and isinstance(value, dict):
        if path[0] not in value:
            return value, False
        new, changed = _at(value[path[0]], path[1:], finder, withhold=withhold)
        return ({**value, path[0]: new}, True) if changed else (value, False)
    if isinstance(value, str) and not path:
        cleaned = finder.clean(value, withhold=withhold)
        return cleaned.text, bool(cleaned.found)
    if isinstance(value, list):
        each = [_at(v, path, finder, withhold=withhold) for v in value]
        return [v for v, _ in each], any(changed for _, changed in each)
    if isinstance(value, dict):
        pairs = {k: _at(v, (), finder, withhold=withhold) for k, v in value.items()}
        return {k: v for k, (v, _) in pairs.items()}, any(changed for _, changed in pairs.values())
    return value, False
