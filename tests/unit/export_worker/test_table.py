"""CSV that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io

import pytest

from export_worker.domain import table


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("https://evil.example","x")',
        "=1+1",
        "+1+1",
        "-1+cmd|' /C calc'!A0",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "  =1+1",
        "＝1+1",
        "+4915112345678",
    ],
)
def test_text_that_looks_like_a_formula_is_not_run(text: str) -> None:
    assert table.cell(text) == "'" + text
    read = next(csv.reader(io.StringIO(table.header([text]).decode(), newline="")))
    assert read == ["'" + text], "a column name is no safer than a value"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (-5, "-5"),  # a number is no formula
        (1.5, "1.5"),
        ("plain", "plain"),
        ("a=b", "a=b"),
        ({"k": ["é"]}, '{"k": ["é"]}'),
        ([], "[]"),
    ],
)
def test_a_value_keeps_its_meaning(value: object, text: str) -> None:
    assert table.cell(value) == text


def test_rows_follow_the_columns_and_missing_fields_are_empty() -> None:
    content = table.header(["id", "note"]) + table.rows(
        ["id", "note"], [{"note": 'two "words",\nand a line', "id": 1}, {"id": 2}]
    )
    assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == [
        ["id", "note"],
        ["1", 'two "words",\nand a line'],
        ["2", ""],
    ]


def test_what_utf8_cannot_hold_does_not_stop_the_export() -> None:
    assert table.rows(["a"], [{"a": "\ud800"}]) == b"?\r\n"
