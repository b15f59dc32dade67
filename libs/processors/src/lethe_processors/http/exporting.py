"""Export from a vendor: collection by collection, page by page, without what concerns other people."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from lethe_events.models import Count
from lethe_events.words import Grade, Method, Outcome
from lethe_processors.connector import Answer
from lethe_processors.http.errors import Nonsense
from lethe_processors.http.paths import one
from lethe_processors.http.reading import Inquiry, Trail, look_up, pages, subjects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_processors.connector import ExportSink, WorkItem
    from lethe_processors.http.client import Vendor
    from lethe_processors.http.profile import Export
    from lethe_processors.http.steps import Look, Read


async def export_one(
    vendor: Vendor, lookups: Sequence[Look], export: Export, item: WorkItem, sink: ExportSink
) -> Answer:
    inquiry = Inquiry(vendor, item, Trail())
    ids = await look_up(inquiry, lookups) if lookups else ()
    rows: dict[str, int] = {}
    asked = bool(lookups) and ids is not None
    for read in export.collections:
        for values in subjects(read, item, ids):
            asked = True
            rows[read.collection] = rows.get(read.collection, 0) + await _read(inquiry, read, values, sink)
    counts = tuple(Count(collection=c, method=Method.EXPORTED, rows=n) for c, n in sorted(rows.items()) if n)
    outcome = Outcome.DONE if counts else Outcome.NOTHING_FOUND
    grade = Grade.CONFIRMED_BY_API if asked else Grade.ATTESTED
    return Answer(outcome, grade=grade, counts=counts, evidence=inquiry.trail.evidence())


async def _read(inquiry: Inquiry, read: Read, values: dict[str, str], sink: ExportSink) -> int:
    rows = 0
    async for page in pages(inquiry.vendor, read, values):
        records = [_record(one(read.record, element)) for element in page.elements or []]
        inquiry.trail.add(read, page.status, len(records))
        touched = sum([_omit(record, read.omit) for record in records])
        if records:
            await sink.write(inquiry.item, read.collection, records)
        if touched:
            await sink.masked(inquiry.item, read.collection, read.omit, touched)
        rows += len(records)
    return rows


def _record(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Nonsense
    return deepcopy(value)


def _omit(record: dict[str, object], fields: Sequence[str]) -> bool:
    """Take fields out, in place; whether there was any of them."""
    dropped = [_drop(record, field.split(".")) for field in fields]  # all of them, not only the first
    return any(dropped)


def _drop(value: object, names: Sequence[str]) -> bool:
    if isinstance(value, list):
        dropped = [_drop(inner, names) for inner in value]
        return any(dropped)
    if not isinstance(value, dict) or names[0] not in value:
        return False
    if len(names) == 1:
        del value[names[0]]
        return True
    return _drop(value[names[0]], names[1:])
