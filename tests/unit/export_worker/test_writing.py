"""Parts on their way into the vault: bounded memory, and one person's trouble is their own."""

from __future__ import annotations

import asyncio
import hashlib
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from export_worker.application import writing
from export_worker.application.exporting import Exporting, look
from export_worker.application.uploading import LeftOut, Records, Uploading
from export_worker.domain.errors import BadPart, PartMismatch, Shredded
from export_worker.domain.part import PartSummary, document_id, parse
from lethe_events.words import FailureKind, Outcome, Verb
from lethe_processors.connector import Answer, WorkItem
from lethe_testkit import tasks
from lethe_testkit.documents import Documents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from lethe_processors.connector import ExportSink

    Script = Callable[[Sequence[WorkItem], ExportSink], Awaitable[list[Answer]]]


@pytest.fixture
def documents() -> Documents:
    return Documents(shredded=Shredded(), missing=PartMismatch("part_gone", "gone"))


def item(number: int) -> WorkItem:
    return tasks.item("shop", Verb.EXPORT, number)


class Scripted:
    """A connector whose export and verify are the test's."""

    def __init__(self, export: Script | None = None, verify: list[Answer] | None = None) -> None:
        self._export, self._verify = export, verify

    async def erase(self, items: Sequence[WorkItem]) -> list[Answer]:
        raise NotImplementedError

    async def verify(self, items: Sequence[WorkItem]) -> list[Answer]:
        assert self._verify is not None
        return self._verify

    async def export(self, items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        assert self._export is not None
        return await self._export(items, sink)

    async def close(self) -> None: ...


async def exported(documents: Documents, items: Sequence[WorkItem], script: Script) -> list[Answer]:
    shop = SimpleNamespace(dataset=None)
    return await Exporting(documents)(shop, Scripted(script), items)  # type: ignore[arg-type]


async def test_a_part_is_sealed_for_each_task_whatever_the_order_of_reading(documents: Documents) -> None:
    one, two, three = items = [item(n) for n in (1, 2, 3)]

    async def export(_: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        await sink.write(one, "orders", [{"id": 1}])
        await sink.write(two, "orders", [{"id": 2}])
        await sink.write(one, "messages", [{"id": 3}, {"id": 4}])
        await sink.masked(one, "messages", ["sender"], 2)
        return [Answer(Outcome.DONE)] * 3

    first, second, third = await exported(documents, items, export)
    assert first.part is not None
    assert (first.part.records, first.part.masked) == (3, 2)
    assert first.part.document_id == document_id(one.task.task_id)
    content = documents.contents[first.part.document_id]
    assert first.part.sha256 == hashlib.sha256(content).hexdigest()
    assert first.part.size == len(content)
    assert second.part is not None
    assert second.part.records == 1
    assert third == Answer(Outcome.NOTHING_FOUND), "nothing was delivered for the third"
    assert document_id(three.task.task_id) not in documents.contents


async def test_exporting_again_gives_the_same_bytes(documents: Documents) -> None:
    async def export(items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        await sink.write(items[0], "orders", [{"b": 1, "a": 2}])
        return [Answer(Outcome.DONE)]

    assert await exported(documents, [item(1)], export) == await exported(documents, [item(1)], export)


async def test_a_large_part_is_streamed_while_it_is_read(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "HOLD_BACK", 1000)
    held: list[int] = []

    async def export(items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        for number in range(500):
            for one in items:
                await sink.write(one, "rows", [{"n": number, "text": "x" * 50}])
            assert isinstance(sink, writing.PartSink)
            held.append(sum(len(b"".join(p._held)) for p in sink._parts.values()))
        return [Answer(Outcome.DONE)] * len(items)

    answers = await exported(documents, [item(n) for n in range(20)], export)
    assert [a.part.records for a in answers if a.part] == [500] * 20
    assert max(held) < 20 * 1200, "no more than what is held back for each"
    assert documents.most < 1200
    for answer in answers:
        assert answer.part is not None
        summary = PartSummary()
        for line in documents.contents[answer.part.document_id].splitlines():
            summary.add(parse(line))
        assert summary.ended


@pytest.mark.parametrize("hold_back", [10, 1_000_000])  # streamed, and at once
async def test_a_store_that_fails_for_one_person_spoils_nobody_elses_export(
    documents: Documents, monkeypatch: pytest.MonkeyPatch, hold_back: int
) -> None:
    monkeypatch.setattr(writing, "HOLD_BACK", hold_back)
    items = [item(n) for n in (1, 2, 3, 4)]
    documents.failing = {items[0].task.dsr_id}
    documents.gone = {items[1].task.dsr_id}

    async def export(items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        for _ in range(20):
            for one in items:
                await sink.write(one, "rows", [{"text": "x" * 50}])
        await sink.write(items[2], "not a name", [{}])
        return [Answer(Outcome.DONE)] * len(items)

    async with asyncio.timeout(5):
        broken, shredded, misnamed, fine = await exported(documents, items, export)
    assert broken == Answer.transient("part_not_stored")
    assert shredded == Answer.permanent("identifiers_shredded")
    assert misnamed == Answer.permanent("collection_name")
    assert fine.part is not None
    assert fine.part.records == 20


async def test_an_error_of_the_connector_leaves_no_stream_behind_and_keeps_its_type(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "HOLD_BACK", 1)

    async def export(items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        await sink.write(items[0], "rows", [{"id": 1}])
        raise ZeroDivisionError

    before = asyncio.all_tasks()
    with pytest.raises(ZeroDivisionError):
        await exported(documents, [item(1)], export)
    assert asyncio.all_tasks() == before
    assert documents.contents == {}


async def test_what_was_written_for_a_failed_item_is_not_kept(documents: Documents) -> None:
    async def export(items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        await sink.write(items[0], "rows", [{"id": 1}])
        return [Answer.transient("lost_connection")]

    assert await exported(documents, [item(1)], export) == [Answer.transient("lost_connection")]
    assert documents.contents == {}


async def test_a_liar_is_not_believed() -> None:
    said = [Answer(Outcome.DONE), Answer(Outcome.NOTHING_FOUND)]
    answers = await look(None, Scripted(verify=said), [item(1), item(2)])  # type: ignore[arg-type]
    assert [a.outcome for a in answers] == [Outcome.FAILED, Outcome.NOTHING_FOUND]
    assert answers[0].failure is not None
    assert answers[0].failure.kind is FailureKind.PERMANENT


async def test_an_uploaded_part_is_the_same_as_an_exported_one(documents: Documents) -> None:
    async def pieces() -> AsyncIterator[Records | LeftOut]:
        yield Records("orders", [{"id": 1}])
        yield LeftOut("orders", ["sender"], 1)

    async def export(items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        await sink.write(items[0], "orders", [{"id": 1}])
        await sink.masked(items[0], "orders", ["sender"], 1)
        return [Answer(Outcome.DONE)]

    task = item(1).task
    uploaded = await Uploading(documents).take(task.task_id, task.dsr_id, "shop", pieces())
    assert (await exported(documents, [item(1)], export))[0].part == uploaded


async def test_an_upload_that_breaks_off_replaces_nothing(documents: Documents) -> None:
    task = item(1).task

    async def good() -> AsyncIterator[Records]:
        yield Records("orders", [{"id": 1}])

    async def bad() -> AsyncIterator[Records]:
        yield Records("orders", [{"id": 2}])
        raise BadPart("body_json", "line 2 is not JSON")

    kept = await Uploading(documents).take(task.task_id, task.dsr_id, "shop", good())
    with pytest.raises(BadPart):
        await Uploading(documents).take(task.task_id, task.dsr_id, "shop", bad())
    assert hashlib.sha256(documents.contents[kept.document_id]).hexdigest() == kept.sha256
