"""Records as rows of CSV (RFC 4180) that a spreadsheet opens without running anything.

A spreadsheet takes a cell that begins with = + - @, a tab or a line break for a formula. Such text gets a leading
apostrophe; numbers do not need it. The JSON file next to it holds every value exactly.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_FULL_WIDTH = ("＝", "＋", "－", "＠")  # read as the plain signs by some spreadsheets


def cell(value: object) -> str:
    """One value as the text of a cell. Objects and lists stay JSON; null is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return harmless(text)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula, also behind leading blanks that some of them skip."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA + _FULL_WIDTH) else text


def rows(columns: Sequence[str], records: Iterable[Mapping[str, object]]) -> bytes:
    """Rows in the order of `columns`; a field that a record lacks is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([cell(record.get(column)) for column in columns] for record in records)
    return out.getvalue().encode("utf-8", "replace")


def header(columns: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([harmless(column) for column in columns])
    return out.getvalue().encode("utf-8", "replace")
