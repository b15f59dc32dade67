"""A portable copy holds what Art. 20 covers and nothing else, in three forms, and says what it leaves out."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from export_worker.adapters.page import HtmlPage
from export_worker.application.exporting import Exporting
from export_worker.application.packing import Packing
from export_worker.domain.errors import PartMismatch, Shredded
from export_worker.domain.facts import ProcessorFacts
from export_worker.domain.part import LeftOutLine, PartSummary, document_id, parse
from export_worker.domain.portability import Kept, Portability, Reason
from export_worker.domain.portable_xml import NAMESPACE, SCHEMA, records
from lethe_events.models import Count, PartOf
from lethe_events.words import PACKAGE_PROCESSOR, Grade, Method, Outcome, Right, Verb
from lethe_processors.connector import Answer, WorkItem
from lethe_testkit import tasks
from lethe_testkit.described import HEAD, OF_MEMBER, described
from lethe_testkit.documents import Documents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lethe_processors.connector import ExportSink
    from lethe_processors.register import Processor

DATASET = (
    HEAD
    + f"""
      - name: members
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: score, data_categories: [user.name], lethe: {{source: inferred}}}}
          - {{name: audited, data_categories: [user.name], lethe: {{purposes: [essential.legal_obligation]}}}}
          - name: profile
            lethe: {{source: observed}}
            fields:
              - {{name: seen, data_categories: [user.name]}}
              - {{name: segment, data_categories: [user.name], lethe: {{source: derived}}}}
          - name: wholly
            fields:
              - {{name: seen, data_categories: [user.name]}}
      - name: ratings
        lethe: {{erase: delete}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: risk, data_categories: [user.name], lethe: {{source: derived}}}}
      - name: reports
        lethe: {{erase: delete, purposes: [essential.legal_obligation]}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: member_id, {OF_MEMBER}}}
          - {{name: said, data_categories: [user.name]}}
"""
)
PURPOSES = [
    {"use": "essential.service", "lawful_basis": "contract"},
    {"use": "essential.legal_obligation", "lawful_basis": "legal_obligation"},
]
MEMBER: dict[str, Any] = {
    "id": 1,
    "email": "ada@people.example",
    "score": 7,
    "audited": "yes",
    "profile": {"seen": "Monday", "segment": "gold", "undescribed": 1},
    "wholly": {"seen": "x", "undescribed": 2},
    "undescribed": 3,
}
MADE, BASIS = "made by the controller, neither provided nor observed", "processed neither by consent nor for a contract"


def tiny(directory: Path, dataset: str = DATASET, **more: Any) -> Processor:
    return described(directory, dataset, **{"purposes": PURPOSES, **more})


class Scripted:
    """A processor that delivers these records to everybody."""

    def __init__(self, delivered: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
        self._delivered = delivered

    async def export(self, items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        for item in items:
            for name, rows in self._delivered.items():
                await sink.write(item, name, rows)
                await sink.masked(item, name, ["hidden"], 1)
        counts = tuple(Count(collection=c, method=Method.EXPORTED, rows=len(r)) for c, r in self._delivered.items())
        masked = tuple(Count(collection=c, method=Method.MASKED, rows=1) for c in self._delivered)
        return [Answer(Outcome.DONE, Grade.CONFIRMED_BY_API, counts=(*counts, *masked)) for _ in items]

    async def erase(self, items: Sequence[WorkItem]) -> list[Answer]:
        raise NotImplementedError

    async def verify(self, items: Sequence[WorkItem]) -> list[Answer]:
        raise NotImplementedError

    async def close(self) -> None: ...


def asks(number: int, right: Right) -> WorkItem:
    item = tasks.item("tiny", Verb.EXPORT, number)
    return WorkItem(replace(item.task, right=right), item.identifiers)


async def exported(
    processor: Processor, delivered: Mapping[str, Sequence[Mapping[str, object]]], *items: WorkItem
) -> tuple[list[Answer], list[PartSummary], list[dict[str, list[dict[str, object]]]]]:
    documents = Documents(shredded=Shredded(), missing=PartMismatch("part_gone", "gone"))
    answers = await Exporting(documents)(processor, Scripted(delivered), items)
    summaries, found = [], []
    for item in items:
        summary, read = PartSummary(), dict[str, list[dict[str, object]]]()
        for line in documents.contents[document_id(item.task.task_id)].splitlines():
            summary.add(parse(line))
            value = json.loads(line)
            if "record" in value:
                read.setdefault(value["collection"], []).append(value["record"])
        summaries.append(summary)
        found.append(read)
    return answers, summaries, found


async def test_only_what_was_provided_or_observed_by_consent_or_contract_is_in_it(tmp_path: Path) -> None:
    delivered = {"members": [MEMBER], "ratings": [{"id": 1, "risk": 3}], "reports": [{"id": 2, "said": "no"}]}
    asked = asks(1, Right.PORTABILITY), asks(2, Right.ACCESS)
    answers, summaries, read = await exported(tiny(tmp_path), delivered, *asked)
    whole = {"id": 1, "email": "ada@people.example", "profile": {"seen": "Monday"}, "wholly": MEMBER["wholly"]}
    assert read == [{"members": [whole]}, delivered]
    assert summaries[0].left_out == [
        LeftOutLine("members", ("audited",), BASIS, "GDPR Art. 20(1)(a)"),
        LeftOutLine("members", ("profile.segment", "score"), MADE, "GDPR Art. 20(1)"),
        LeftOutLine("ratings", (), MADE, "GDPR Art. 20(1)"),
        LeftOutLine("reports", (), BASIS, "GDPR Art. 20(1)(a)"),
    ]
    assert summaries[1].left_out == []
    told = [{(c.collection, c.method): c.rows for c in a.counts} for a in answers]
    assert told[0] == {("members", Method.EXPORTED): 1, ("members", Method.MASKED): 1}
    assert len(told[1]) == 2 * len(delivered)
    assert answers[0].part is not None
    assert answers[0].part.records == 1


async def test_whoever_gets_nothing_is_told_why(tmp_path: Path) -> None:
    answers, summaries, read = await exported(tiny(tmp_path), {"ratings": [{"risk": 3}]}, asks(1, Right.PORTABILITY))
    assert (answers[0].outcome, answers[0].counts, read) == (Outcome.DONE, (), [{}])
    assert [line.collection for line in summaries[0].left_out] == ["ratings"]


@pytest.mark.parametrize(
    ("basis", "included"),
    [("consent", True), ("contract", True), ("legitimate_interests", False), ("legal_obligation", False)],
)
async def test_an_interface_without_a_dataset_goes_by_its_purposes(basis: str, included: bool) -> None:
    vendor = tasks.processor("tiny", purposes=[{"use": "essential.service", "lawful_basis": basis}])
    _, summaries, read = await exported(vendor, {"tickets": [{"text": "hello"}]}, asks(1, Right.PORTABILITY))
    assert read == ([{"tickets": [{"text": "hello"}]}] if included else [{}])
    assert [line.collection for line in summaries[0].left_out] == ([] if included else ["tickets"])


def test_what_the_dataset_does_not_describe_is_left_out(tmp_path: Path) -> None:
    dataset = tiny(tmp_path).dataset
    assert dataset is not None
    portability = Portability({"essential.service": "contract"}, dataset.collections)
    assert isinstance(portability.of("elsewhere"), Reason)
    assert isinstance(portability.of("members"), Kept)


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
shapes: st.SearchStrategy[Kept] = st.recursive(
    st.dictionaries(st.sampled_from("abcd"), st.none()).map(lambda f: Kept(f, {})),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), st.none() | inner).map(lambda f: Kept(f, {})),
    max_leaves=8,
)


def is_part(some: object, whole: object) -> bool:
    if isinstance(some, dict) and isinstance(whole, dict):
        return all(name in whole and is_part(value, whole[name]) for name, value in some.items())
    if isinstance(some, list) and isinstance(whole, list):
        return len(some) <= len(whole) and all(any(is_part(s, w) for w in whole) for s in some)
    return some == whole


@given(shapes, st.dictionaries(st.sampled_from("abcd"), values))
def test_a_portable_record_is_always_part_of_the_access_record(kept: Kept, record: dict[str, object]) -> None:
    assert is_part(kept.of(record), record)


def read_back(element: ET.Element) -> object:
    """By the words of the schema."""
    kind = element.get("type", "object")
    if kind == "object":
        return {_name_of(e): read_back(e) for e in element}
    if kind == "list":
        return [read_back(e) for e in element]
    text = element.text or ""
    if kind == "base64":
        return base64.b64decode(text).decode("utf-8", "surrogatepass")
    return {"text": text, "null": None}[kind] if kind in {"text", "null"} else json.loads(text)


def _name_of(element: ET.Element) -> str:
    name = element.get("name")
    return name if name is not None else base64.b64decode(element.get("name64", "")).decode("utf-8", "surrogatepass")


texts = st.text(st.characters(), max_size=12) | st.sampled_from(["a\r\nb", "\x00", "<&\"'>]]>", "\ud800", "\ufffe"])
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(texts, anything, max_size=4))
def test_any_record_survives_xml(record: dict[str, object]) -> None:
    [element] = ET.fromstring(b"<c>" + records([json.dumps(record).encode()]) + b"</c>")
    assert read_back(element) == record


def test_the_schema_has_a_word_for_everything_that_is_written() -> None:
    schema = ET.fromstring(SCHEMA.encode())
    xs = "{http://www.w3.org/2001/XMLSchema}"
    assert schema.get("targetNamespace") == NAMESPACE
    assert {e.get("name") for e in schema.iter(f"{xs}element")} == {"export", "collection", "record", "field", "item"}
    body = json.dumps(
        {"a": 1, "b": True, "c": None, "d": "x", "e": "\x00", "f": [1], "g": {"h": 1}, "\x01": 1}
    ).encode()
    written = ET.fromstring(b"<c>" + records([body]) + b"</c>")
    used = {e.get("type") for e in written.iter() if e.get("type")}
    assert used == {e.get("value") for e in schema.iter(f"{xs}enumeration")}
    attributes = {e.get("name") for e in schema.iter(f"{xs}attribute")}
    assert {name for e in written.iter() for name in e.attrib} <= attributes


class NoFacts:
    def version(self) -> str:
        return "a" * 64

    def of(self, processor_id: str) -> ProcessorFacts:
        return ProcessorFacts(processor_id, processor_id)


@pytest.mark.parametrize("right", [Right.PORTABILITY, Right.ACCESS])
async def test_a_package_has_json_csv_and_xml_with_its_schema_and_names_what_is_not_in_it(
    tmp_path: Path, right: Right
) -> None:
    documents = Documents(shredded=Shredded(), missing=PartMismatch("part_gone", "gone"))
    item = asks(1, right)
    connector = Scripted({"members": [MEMBER, {**MEMBER, "email": "a\x00\r\n<b>"}], "ratings": [{"id": 1}]})
    [answer] = await Exporting(documents)(tiny(tmp_path), connector, [item])
    listed = PartOf(task_id=item.task.task_id, processor_id="tiny", part=answer.part)
    task = tasks.task(PACKAGE_PROCESSOR, Verb.PACKAGE, 1, right=right, parts=(listed,))
    packed = await Packing(documents, NoFacts(), HtmlPage(), clock=lambda: tasks.NOW).pack(task)
    assert packed.part is not None
    archive = zipfile.ZipFile(io.BytesIO(documents.contents[packed.part.document_id]))
    portable = ["data/tiny.xml", "data/export.xsd"] if right is Right.PORTABILITY else []
    assert [n for n in archive.namelist() if n.endswith(("xml", "xsd", "pdf"))] == portable
    manifest = json.loads(archive.read("manifest.json"))
    assert {f["path"] for f in manifest["files"]} == set(archive.namelist()) - {"manifest.json"}
    tree = json.loads(archive.read("data/tiny.json"))["collections"]
    assert archive.read("data/tiny/members.csv")
    if right is Right.ACCESS:
        assert "left_out" not in manifest["parts"][0]
        return
    assert {(x["collection"], x["why"]) for x in manifest["parts"][0]["left_out"]} == {
        ("members", MADE),
        ("members", BASIS),
        ("ratings", MADE),
    }
    export = ET.fromstring(archive.read("data/tiny.xml"))
    assert export.tag == f"{{{NAMESPACE}}}export"
    assert {c.get("name"): [read_back(r) for r in c] for c in export} == {"members": tree["members"]}
