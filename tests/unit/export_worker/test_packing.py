"""A package: what is in it, that its hashes hold, and what is never believed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import uuid
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from export_worker.adapters.page import HtmlPage
from export_worker.application import reading
from export_worker.application.carrying_out import CarryingOut
from export_worker.application.packing import Packing
from export_worker.application.uploading import LeftOut, Records, Uploading
from export_worker.domain.errors import BadPart, PartMismatch, Shredded
from export_worker.domain.facts import Decision, ProcessorFacts, Purpose, Retention
from export_worker.domain.part import PartLines, document_id
from lethe_events.ids import task_id
from lethe_events.models import ExportPart, PartOf, TaskRequested
from lethe_events.words import PACKAGE_PROCESSOR, Outcome, Verb
from lethe_processors.connector import Answer
from lethe_testkit import tasks
from lethe_testkit.documents import Documents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DSR = uuid.UUID(int=1)
EVIL = "<script>alert(1)</script>\"'&"


class FactsOfTest:
    def version(self) -> str:
        return "a" * 64

    def of(self, processor_id: str) -> ProcessorFacts:
        if processor_id == "unknown":
            return ProcessorFacts(processor_id, processor_id)
        return ProcessorFacts(
            processor_id,
            name=f"{processor_id} {EVIL}",
            external=processor_id == "mailer",
            role=f"role {EVIL}",
            contact=f"dpo@acme.example {EVIL}",
            purposes=(Purpose(f"essential.service {EVIL}", "a contract with you (Art. 6(1)(b))"),),
            categories=(f"user.contact.email {EVIL}",),
            retention=(Retention("user.financial", f"ten years {EVIL}"),),
            transfer=f"US, under scc_2021_914 {EVIL}",
            sources=(f"Credit Bureau North {EVIL}",),
            decisions=(Decision("credit score", f"payments are weighed {EVIL}", "a loan is refused"),),
        )


@pytest.fixture
def documents() -> Documents:
    return Documents(shredded=Shredded(), missing=PartMismatch("part_gone", "gone"))


@pytest.fixture
def packing(documents: Documents) -> Packing:
    return Packing(documents, FactsOfTest(), HtmlPage(), clock=lambda: NOW)


def package_task(*parts: PartOf) -> TaskRequested:
    return tasks.task(PACKAGE_PROCESSOR, Verb.PACKAGE, DSR.int, register_version="a" * 64, parts=parts)


async def part_of(documents: Documents, processor_id: str, *pieces: Records | LeftOut, round_: int = 1) -> PartOf:
    task = task_id(DSR, processor_id, "export", round_)

    async def given() -> AsyncIterator[Records | LeftOut]:
        for piece in pieces:
            yield piece

    part = await Uploading(documents).take(task, DSR, processor_id, given())
    return PartOf(task_id=task, processor_id=processor_id, part=part)


def nothing_of(processor_id: str) -> PartOf:
    return PartOf(task_id=task_id(DSR, processor_id, "export", 1), processor_id=processor_id)


def opened(documents: Documents, answer: Answer) -> zipfile.ZipFile:
    assert answer.part is not None
    content = documents.contents[answer.part.document_id]
    assert answer.part.sha256 == hashlib.sha256(content).hexdigest()
    assert answer.part.size == len(content)
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


ORDERS = [{"id": 1, "total": -5, "note": "=1+1"}, {"id": 2, "gift": {"to": "é"}}]


@pytest.mark.parametrize("keep_up_to", [0, 1_000_000])  # read again for each file, and kept in memory
async def test_a_package_holds_everything_and_its_hashes_hold(
    documents: Documents, packing: Packing, monkeypatch: pytest.MonkeyPatch, keep_up_to: int
) -> None:
    monkeypatch.setattr(reading, "KEEP_UP_TO", keep_up_to)
    shop = await part_of(
        documents,
        "shop",
        Records("orders", ORDERS[:1]),
        Records("messages", [{"text": "hi"}]),
        Records("orders", ORDERS[1:]),
        LeftOut("messages", ["sender"], 1),
        LeftOut("reviews", ["author"], 4),
    )
    answer = await packing.pack(package_task(shop, nothing_of("mailer")))
    assert answer.outcome is Outcome.DONE
    assert answer.part is not None
    assert (answer.part.records, answer.part.masked) == (3, 5)
    archive = opened(documents, answer)
    assert archive.namelist() == [
        "index.html",
        "data/shop/orders.csv",
        "data/shop/messages.csv",
        "data/shop.json",
        "manifest.json",
    ]
    tree = json.loads(archive.read("data/shop.json"))
    assert tree["collections"] == {"orders": ORDERS, "messages": [{"text": "hi"}], "reviews": []}
    rows = list(csv.reader(io.StringIO(archive.read("data/shop/orders.csv").decode(), newline="")))
    assert rows == [["id", "total", "note", "gift"], ["1", "-5", "'=1+1", ""], ["2", "", "", '{"to": "é"}']]
    manifest = json.loads(archive.read("manifest.json"))
    assert {f["path"] for f in manifest["files"]} == set(archive.namelist()) - {"manifest.json"}
    for file in manifest["files"]:
        content = archive.read(file["path"])
        assert file["sha256"] == hashlib.sha256(content).hexdigest(), file["path"]
        assert file["size"] == len(content)
    assert manifest["register_version"] == "a" * 64
    assert shop.part is not None
    assert manifest["parts"] == [
        {
            "processor_id": "shop",
            "document_id": str(shop.part.document_id),
            "sha256": shop.part.sha256,
            "size": shop.part.size,
            "records": 3,
            "masked_rows": 5,
        },
        {"processor_id": "mailer"},
    ]
    by_path = {f["path"]: f for f in manifest["files"]}
    assert by_path["data/shop/messages.csv"]["masked"] == {"fields": ["sender"], "rows": 1}
    assert by_path["data/shop/orders.csv"]["records"] == 2
    assert all(reason == "package" for _, _, reason in documents.opened)


async def test_the_page_says_what_the_law_asks_and_runs_nothing(documents: Documents, packing: Packing) -> None:
    shop = await part_of(documents, "shop", Records("orders", ORDERS), LeftOut("orders", [f"field {EVIL}"], 2))
    page = opened(documents, await packing.pack(package_task(shop, nothing_of("mailer")))).read("index.html").decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 11, "every text of the register and every field name is escaped"
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert re.search(r'(src|href)="(?!data/|manifest\.json)', page) is None, "nothing is loaded from elsewhere"
    for promised in ("contract with you", "ten years", "US, under scc_2021_914", "Art. 16", "Art. 17", "Art. 77"):
        assert promised in page
    assert "Credit Bureau North" in page, "Art. 15(1)(g)"
    assert page.count("credit score. Logic involved: payments are weighed") == 1, "Art. 15(1)(h)"
    assert "<strong>2 records</strong>" in page
    assert "in 2 records" in page
    assert str(DSR) in page


async def test_somebody_of_whom_nothing_is_held_gets_a_package_that_says_so(
    documents: Documents, packing: Packing
) -> None:
    archive = opened(documents, await packing.pack(package_task(nothing_of("shop"), nothing_of("unknown"))))
    assert archive.namelist() == ["index.html", "manifest.json"]
    assert "no personal data about you" in archive.read("index.html").decode()


async def test_packing_again_replaces_the_package_by_the_same_bytes(documents: Documents, packing: Packing) -> None:
    task = package_task(await part_of(documents, "shop", Records("orders", ORDERS)))
    assert await packing.pack(task) == await packing.pack(task)


async def test_two_rounds_of_one_processor_do_not_overwrite_each_other(documents: Documents, packing: Packing) -> None:
    first = await part_of(documents, "shop", Records("orders", [{"id": 1}]))
    second = await part_of(documents, "shop", Records("orders", [{"id": 2}]), round_=2)
    archive = opened(documents, await packing.pack(package_task(first, second)))
    assert json.loads(archive.read("data/shop.json"))["collections"] == {"orders": [{"id": 1}]}
    assert json.loads(archive.read("data/shop~2.json"))["collections"] == {"orders": [{"id": 2}]}


async def test_a_part_that_is_not_the_acknowledged_one_fails_the_package(
    documents: Documents, packing: Packing
) -> None:
    listed = await part_of(documents, "shop", Records("orders", ORDERS))
    await part_of(documents, "shop", Records("orders", [{"id": 3}]))  # brought again, after the ack
    with pytest.raises(PartMismatch, match="part_hash"):
        await packing.pack(package_task(listed))
    assert document_id(package_task().task_id) not in documents.contents


async def test_a_part_that_changes_between_two_readings_fails_the_package(
    documents: Documents, packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "KEEP_UP_TO", 0)
    listed = await part_of(documents, "shop", Records("orders", ORDERS))
    assert listed.part is not None
    original = documents.contents[listed.part.document_id]
    changed = original.replace(b'"id":2', b'"id":9')

    def page(_: object) -> bytes:  # the page is written between the first and the second reading
        assert listed.part is not None
        documents.contents[listed.part.document_id] = changed
        return b"<html></html>"

    with pytest.raises(PartMismatch, match="part_hash"):
        await Packing(documents, FactsOfTest(), page, clock=lambda: NOW).pack(package_task(listed))
    assert document_id(package_task().task_id) not in documents.contents, "no half package"


@pytest.mark.parametrize("cut", [1, 10, 200, "at a line"])
async def test_a_part_that_was_cut_off_fails_the_package(
    documents: Documents, packing: Packing, cut: int | str
) -> None:
    listed = await part_of(documents, "shop", Records("orders", ORDERS))
    assert listed.part is not None
    content = documents.contents[listed.part.document_id]
    content = content[:-cut] if isinstance(cut, int) else content[: content.rindex(b'{"end"')]
    documents.contents[listed.part.document_id] = content
    forged = ExportPart(
        document_id=listed.part.document_id, sha256=hashlib.sha256(content).hexdigest(), size=len(content), records=2
    )
    with pytest.raises(BadPart):
        await packing.pack(package_task(replace(listed, part=forged)))


async def test_a_mismatch_is_a_permanent_failure_and_asks_nobody_to_try_again(
    documents: Documents, packing: Packing
) -> None:
    listed = await part_of(documents, "shop", Records("orders", ORDERS))
    good = package_task(listed)
    assert listed.part is not None
    bad = package_task(replace(listed, part=replace(listed.part, sha256="0" * 64)))
    gone = package_task(replace(listed, part=replace(listed.part, document_id=DSR)))
    worker = CarryingOut(None, None, packing)  # type: ignore[arg-type]
    answers = await worker(PACKAGE_PROCESSOR, Verb.PACKAGE, [bad, good, gone])
    assert answers[0] == Answer.permanent("part_hash")
    assert answers[1].outcome is Outcome.DONE, "each package is its own"
    assert answers[2] == Answer.permanent("part_gone")


async def test_a_package_is_only_made_by_lethe_itself(packing: Packing) -> None:
    worker = CarryingOut(None, None, packing)  # type: ignore[arg-type]
    assert await worker("shop", Verb.PACKAGE, [package_task()]) == [Answer.permanent("verb_of_another_worker")]
    assert await worker(PACKAGE_PROCESSOR, Verb.EXPORT, [package_task()]) == [
        Answer.permanent("verb_of_another_worker")
    ]


async def test_a_package_of_many_records_is_written_in_small_pieces(
    documents: Documents, packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "KEEP_UP_TO", 0)
    documents._chunk = 64 * 1024
    lines = PartLines()
    task = task_id(DSR, "shop", "export", 1)
    content = (
        lines.head(task, "shop")
        + lines.records("rows", ({"n": n, "text": hashlib.sha256(str(n).encode()).hexdigest()} for n in range(30_000)))
        + lines.end()
    )
    stored = await documents.put_document(DSR, "part", "x/y", content, document_id=document_id(task))
    part = ExportPart(document_id=stored.document_id, sha256=stored.sha256, size=stored.size, records=30_000)
    answer = await packing.pack(package_task(PartOf(task_id=task, processor_id="shop", part=part)))
    assert stored.size > 2_500_000
    assert documents.most < 200_000
    assert opened(documents, answer).getinfo("data/shop/rows.csv").file_size > 1_000_000
