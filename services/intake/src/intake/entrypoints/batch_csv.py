"""A CSV of people as rows that can be submitted. Every fault is told with its row, and no value is repeated."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from intake.application.batches import Row
from intake.domain.errors import Fault
from intake.entrypoints.schemas import NewDsr
from lethe_chassis.problem import of_validation

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ROWS = 20_000
KNOWN = (
    "row_key", "right", "export_first", "channel", "received_at", "country", "note",
    "identity_method", "identity_reason", "mandate",
    "contested", "categories", "ground", "direct_marketing", "purposes", "grounds", "formats", "decision",
    "transmit_to",
)  # fmt: skip
IDENTIFIERS = ("email", "phone_number", "customer_id")
LISTS = ("categories", "purposes", "formats")
"""Columns with several values, `a|b`."""
_OTHER = re.compile(r"id\.([a-z0-9][a-z0-9_.-]{0,63})")
_CORRECTING = re.compile(r"(correct|complete)\.(.{1,260})")
_FIELDS = {"correct": "corrections", "complete": "completions"}
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Line(NewDsr):
    """A row: new values come as text and are read by the types of their fields."""

    @property
    def as_text(self) -> bool:
        return True


def read_rows(content: bytes, controller_id: str) -> tuple[list[Row], list[Fault]]:
    """Rows of the right shape, and what is wrong with the others.

    UTF-8; the delimiter is a comma, or a semicolon if the heading has one. Several values of a kind: `a|b`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], [Fault("file", "is not UTF-8", "save it as CSV UTF-8")]
    heading = text.partition("\n")[0]
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in heading else ",", strict=True))
    except csv.Error:
        return [], [Fault("file", "is not CSV", "look for a quotation mark that is not closed")]
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    faults = _faults_of_heading(lines[0] if lines else [])
    if not faults and not 0 < len(lines) - 1 <= MAX_ROWS:
        faults.append(Fault("file", "has no rows, or too many", f"send 1 to {MAX_ROWS} rows"))
    if faults:
        return [], faults
    columns = [cell.strip() for cell in lines[0]]
    rows: list[Row] = []
    for number, line in enumerate(lines[1:], 1):
        if len(line) != len(columns):
            fix = f"give it {len(columns)} cells, as the heading has"
            faults.append(Fault(f"row {number}", "has another number of cells", fix))
            continue
        row, wrong = _row(number, dict(zip(columns, (cell.strip() for cell in line), strict=True)), controller_id)
        faults += [Fault(f"row {number}: {f.field}", f.message, f.fix) for f in wrong]
        if row is not None:
            rows.append(row)
    return rows, faults


def _faults_of_heading(heading: list[str]) -> list[Fault]:
    columns = [cell.strip() for cell in heading]
    fix = f"use {', '.join((*KNOWN, *IDENTIFIERS))}, id.KIND for another identifier, or "
    fix += "correct.FIELD, complete.FIELD for a new value"
    faults = [
        Fault(f"column {number}", "is not a column", fix)
        for number, column in enumerate(columns, 1)
        if column not in (*KNOWN, *IDENTIFIERS) and not _OTHER.fullmatch(column) and not _CORRECTING.fullmatch(column)
    ]
    if len(set(columns)) != len(columns):
        faults.append(Fault("file", "has a column twice", "keep one, and put several values into it as a|b"))
    faults += [Fault("file", f"has no column {name}", "add it") for name in ("row_key", "right") if name not in columns]
    return faults


def _row(number: int, cells: Mapping[str, str], controller_id: str) -> tuple[Row | None, list[Fault]]:
    identity = {
        "method": cells.get("identity_method") or "account_holder",
        "reason": cells.get("identity_reason"),
        "mandate": cells.get("mandate"),
    }
    given: dict[str, object] = {
        "controller_id": controller_id,
        "identifiers": _identifiers(cells),
        "channel": "api",
        "identity": {name: value for name, value in identity.items() if value},
    }
    apart = ("row_key", "identity_method", "identity_reason", "mandate", *LISTS)
    given |= {name: cells[name] for name in KNOWN if name not in apart and cells.get(name)}
    given |= {name: _several(cells[name]) for name in LISTS if cells.get(name)}
    for column, cell in cells.items():
        if cell and (found := _CORRECTING.fullmatch(column)):
            into = given.setdefault(_FIELDS[found[1]], {})
            assert isinstance(into, dict)
            into[found[2]] = cell
    faults = []
    key = cells["row_key"]
    if not _KEY.fullmatch(key):
        fix = "name the row by letters, digits, dot, hyphen, underscore: 64 at most, no personal data"
        faults.append(Fault("row_key", "is missing or not of the form", fix))
    try:
        draft = Line.model_validate(given)
    except ValidationError as error:
        problem = of_validation(error.errors(include_url=False, include_input=False))
        return None, [*faults, *(Fault(*wrong) for wrong in problem.errors)]
    return (None, faults) if faults else (Row(number, key, draft), [])


def _identifiers(cells: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column, cell in cells.items():
        other = _OTHER.fullmatch(column)
        if column in IDENTIFIERS or other:
            values = _several(cell)
            if values:
                found[other[1] if other else column] = values
    return found


def _several(cell: str) -> list[str]:
    return [value.strip() for value in cell.split("|") if value.strip()]
