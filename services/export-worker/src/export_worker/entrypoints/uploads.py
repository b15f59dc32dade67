"""Bodies of uploads as pieces of a part: one JSON document, or a stream of lines.

JSON: `{"collections": {name: [record, …]}, "masked": [{"collection": …, "fields": […], "rows": 3}]}`.
Lines: `{"collection": name, "record": {…}}` or `{"collection": name, "masked": [field, …], "rows": 3}`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from export_worker.application.uploading import LeftOut, Piece, Records
from export_worker.domain.errors import BadPart
from export_worker.domain.part import MAX_LINE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

JSON = "application/json"
LINES = "application/x-ndjson"
MAX_JSON = 8 * 1024 * 1024
"""Bytes of a body that is read as a whole. Larger parts are sent as lines."""


async def pieces_of(media_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[Piece]:
    """Raises BadPart, whose text names places and never repeats content."""
    if media_type == LINES:
        async for piece in _lines(body):
            yield piece
        return
    whole = bytearray()
    async for chunk in body:
        whole += chunk
        if len(whole) > MAX_JSON:
            raise BadPart("body_size", f"a JSON body has at most {MAX_JSON} bytes: send {LINES} instead")
    for piece in _document(bytes(whole)):
        yield piece


async def _lines(body: AsyncIterator[bytes]) -> AsyncIterator[Piece]:
    rest, number = b"", 0
    async for chunk in body:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            number += 1
            if line.strip():
                yield _line(line, number)
        if len(rest) > MAX_LINE:
            raise BadPart("record_size", f"line {number + 1} is longer than {MAX_LINE} bytes")
    if rest.strip():
        yield _line(rest, number + 1)


def _line(line: bytes, number: int) -> Piece:
    value = _json(line, f"line {number}")
    if isinstance(value, dict) and isinstance(value.get("collection"), str):
        if isinstance(value.get("record"), dict):
            return Records(value["collection"], [value["record"]])
        if "masked" in value:
            return _left_out(value["collection"], value["masked"], value.get("rows"), f"line {number}")
    raise BadPart("body_form", f"line {number} has neither a collection with a record nor with masked fields")


def _document(body: bytes) -> Iterator[Piece]:
    value = _json(body, "the body")
    collections = value.get("collections") if isinstance(value, dict) else None
    if not isinstance(collections, dict) or not all(isinstance(records, list) for records in collections.values()):
        raise BadPart("body_form", 'the body is not {"collections": {name: [record, …]}}')
    for name, records in collections.items():
        yield Records(name, records)
    for entry in value.get("masked", ()):
        if not isinstance(entry, dict) or not isinstance(entry.get("collection"), str):
            raise BadPart("body_form", "an entry of masked has no collection")
        yield _left_out(entry["collection"], entry.get("fields"), entry.get("rows"), "an entry of masked")


def _left_out(collection: str, fields: Any, rows: Any, where: str) -> LeftOut:
    named = isinstance(fields, list) and all(isinstance(field, str) for field in fields)
    if not named or not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
        raise BadPart("body_form", f"{where} has no list of fields or no number of rows")
    return LeftOut(collection, fields, rows)


def _json(text: bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPart("body_json", f"{where} is not JSON") from error
