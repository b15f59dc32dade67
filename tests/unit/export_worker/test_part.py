"""The form of a part: what is written can be read again, and nothing else is believed."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export_worker.domain import part
from export_worker.domain.errors import BadPart
from export_worker.domain.part import (
    CollectionSummary,
    EndLine,
    HeadLine,
    MaskedLine,
    PartLines,
    PartSummary,
    RecordLine,
    Totals,
    parse,
)

TASK = uuid.UUID(int=7)
ORDER = {"id": 1, "note": 'a "quoted" },{"collection":"orders","record":{} \n next'}


def written(*calls: bytes) -> list[bytes]:
    *lines, rest = b"".join(calls).split(b"\n")
    assert rest == b""
    return lines


def test_what_is_written_can_be_read() -> None:
    lines = PartLines()
    whole = written(
        lines.head(TASK, "shop"),
        lines.records("orders", [ORDER, {"id": 2}]),
        lines.masked("messages", {"sender", "body"}, 3),
        lines.end(),
    )
    head, first, second, masked, end = [parse(line) for line in whole]
    assert head == HeadLine(TASK, "shop")
    assert first == RecordLine("orders", part.dumps(ORDER))
    assert second == RecordLine("orders", b'{"id":2}')
    assert masked == MaskedLine("messages", ("body", "sender"), 3)
    assert end == EndLine(Totals(2, 3))
    assert lines.totals == (2, 3)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters()), _JSON, max_size=5))
def test_any_json_object_survives(record: dict[str, object]) -> None:
    lines = written(PartLines().records("things", [record]))
    assert len(lines) == 1, "one line, whatever is in it"
    found = parse(lines[0])
    assert isinstance(found, RecordLine)
    assert json.loads(found.body) == record


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 129, "a\n", 'o","record":{', None, 7])
def test_a_collection_name_never_becomes_a_path(name: str) -> None:
    with pytest.raises(BadPart):
        PartLines().records(name, [{"id": 1}])
    with pytest.raises(BadPart):
        PartLines().masked(name, ["x"], 1)


@pytest.mark.parametrize("record", [None, [1], "x", {"when": object()}, {"size": "x" * part.MAX_LINE}])
def test_a_record_is_a_json_object_of_fair_size(record: object) -> None:
    with pytest.raises(BadPart):
        PartLines().records("orders", [record])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b'{"collection":"orders","record":{"id":1}',  # cut off
        b'{"end":{}}',
        b'{"masked":1,"rows":1}',
        b'{"task_id":"x","processor_id":"shop"}',
        b'{"collection":"../orders","record":{}}',
    ],
)
def test_a_line_that_nobody_wrote_is_refused_without_repeating_it(line: bytes) -> None:
    with pytest.raises(BadPart, match=r"^part_line: a line of the part cannot be read$"):
        parse(line)


def test_a_summary_has_columns_in_order_of_appearance_and_what_was_left_out() -> None:
    lines = PartLines()
    summary = PartSummary()
    for line in written(
        lines.head(TASK, "shop"),
        lines.records("orders", [{"b": 1}, {"a": 1, "b": 2}]),
        lines.masked("orders", ["c"], 2),
        lines.end(),
    ):
        summary.add(parse(line))
    assert summary.ended
    assert summary.collections == {
        "orders": CollectionSummary(2, {"b": None, "a": None}, {"c": None}, 2),
    }


def test_a_part_that_goes_on_after_its_end_or_miscounts_is_refused() -> None:
    summary = PartSummary()
    summary.add(EndLine(Totals(0, 0)))
    with pytest.raises(BadPart):
        summary.add(RecordLine("orders", b"{}"))
    with pytest.raises(BadPart):
        PartSummary().add(EndLine(Totals(1, 0)))


def test_a_part_with_too_many_names_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "MAX_COLUMNS", 2)
    monkeypatch.setattr(part, "MAX_COLLECTIONS", 2)
    summary = PartSummary()
    summary.add(RecordLine("a", b'{"x":1,"y":2}'))
    with pytest.raises(BadPart, match="part_columns"):
        summary.add(RecordLine("a", b'{"z":1}'))
    summary.add(MaskedLine("b", (), 1))
    with pytest.raises(BadPart, match="part_collections"):
        summary.add(RecordLine("c", b"{}"))


def test_the_document_of_a_task_is_the_same_for_ever() -> None:
    assert part.document_id(TASK) == uuid.UUID("df96b5a1-a031-5f4c-a38f-38db89dcaa57")
