"""The form of an exported part: one line of JSON each for the head, every record, what was left out, and the end.

    {"lethe_part":1,"task_id":"…","processor_id":"shop"}
    {"collection":"orders","record":{"id":7}}
    {"collection":"messages","masked":["sender_email"],"rows":2}
    {"collection":"orders","left_out":["score"],"why":"…","article":"GDPR Art. 20(1)"}
    {"end":{"records":1,"masked":2}}

Lines come in the order of reading, so a part of any size can be written and read in bounded memory. The same
records in the same order give the same bytes, so the same hash. A part without its end was cut off.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from export_worker.domain.errors import BadPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PART_MEDIA_TYPE = "application/x-ndjson"
MAX_LINE = 4 * 1024 * 1024
"""Bytes of one record at most, so that one line always fits in memory."""
MAX_COLUMNS = 2_000
"""Different fields of one collection at most: they are all columns of one CSV file."""
MAX_COLLECTIONS = 1_000

_NAMESPACE = uuid.UUID("6f1c6f0e-8f0b-5b53-9a51-1e7e00000002")
_COLLECTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_RECORD_PREFIX = b'{"collection":"'
_RECORD_MIDDLE = b'","record":'


def document_id(task_id: uuid.UUID) -> uuid.UUID:
    """Where the part or package of a task lies in the vault. Writing it again replaces it: never change this form."""
    return uuid.uuid5(_NAMESPACE, str(task_id))


def is_collection(name: object) -> bool:
    """Whether a name may become a file name of the package: one path segment without surprises."""
    return isinstance(name, str) and _COLLECTION.fullmatch(name) is not None


def dumps(value: object) -> bytes:
    """Compact UTF-8 JSON. A lone surrogate, which UTF-8 cannot hold, becomes its JSON escape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


class Totals(NamedTuple):
    """What a part holds: records, and rows from which something was left out."""

    records: int
    masked: int


class PartLines:
    """Writes the lines of one part and counts what it wrote."""

    def __init__(self) -> None:
        self._records = 0
        self._masked = 0
        self._left_out = 0

    @property
    def says_anything(self) -> bool:
        """Whether there is more in it than its head and end."""
        return bool(self._records or self._masked or self._left_out)

    @property
    def totals(self) -> Totals:
        return Totals(self._records, self._masked)

    def head(self, task_id: uuid.UUID, processor_id: str) -> bytes:
        return dumps({"lethe_part": 1, "task_id": str(task_id), "processor_id": processor_id}) + b"\n"

    def records(self, collection: str, records: Iterable[Mapping[str, object]]) -> bytes:
        """Raises BadPart for a name that cannot be a file, or a record that is not a JSON object of fair size."""
        if not is_collection(collection):
            raise BadPart("collection_name", "a collection is named by letters, digits, dot, dash and underscore")
        prefix = _RECORD_PREFIX + collection.encode() + _RECORD_MIDDLE
        lines = []
        for record in records:
            body = _object(collection, record)
            lines.append(prefix + body + b"}\n")
            self._records += 1
        return b"".join(lines)

    def masked(self, collection: str, fields: Iterable[str], rows: int) -> bytes:
        if not is_collection(collection):
            raise BadPart("collection_name", "a collection is named by letters, digits, dot, dash and underscore")
        self._masked += rows
        return dumps({"collection": collection, "masked": sorted(fields), "rows": rows}) + b"\n"

    def left_out(self, collection: str, fields: Iterable[str], why: str, article: str) -> bytes:
        """Fields that this right does not cover; no fields: the whole collection."""
        if not is_collection(collection):
            raise BadPart("collection_name", "a collection is named by letters, digits, dot, dash and underscore")
        self._left_out += 1
        line = {"collection": collection, "left_out": sorted(fields), "why": why, "article": article}
        return dumps(line) + b"\n"

    def end(self) -> bytes:
        return dumps({"end": {"records": self._records, "masked": self._masked}}) + b"\n"


def _object(collection: str, record: object) -> bytes:
    if not isinstance(record, dict):
        raise BadPart("record_type", f"a record of {collection} is not a JSON object")
    try:
        body = dumps(record)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadPart("record_type", f"a record of {collection} holds a value that JSON does not know") from error
    if len(body) > MAX_LINE:
        raise BadPart("record_size", f"a record of {collection} is larger than {MAX_LINE} bytes")
    return body


class RecordLine(NamedTuple):
    """One record as it stands in the part: `body` is its JSON, unparsed."""

    collection: str
    body: bytes


class MaskedLine(NamedTuple):
    collection: str
    fields: tuple[str, ...]
    rows: int


class LeftOutLine(NamedTuple):
    """What the right that was asked does not cover; no `fields`: the whole collection."""

    collection: str
    fields: tuple[str, ...]
    why: str
    article: str


class EndLine(NamedTuple):
    totals: Totals


class HeadLine(NamedTuple):
    task_id: uuid.UUID
    processor_id: str


Line = HeadLine | RecordLine | MaskedLine | LeftOutLine | EndLine


def bodies(lines: Iterable[bytes], collection: str) -> Iterator[bytes]:
    """The records of one collection among lines that `parse` has accepted before, unparsed."""
    prefix = _RECORD_PREFIX + collection.encode() + _RECORD_MIDDLE
    length = len(prefix)
    return (line[length:-1] for line in lines if line.startswith(prefix))


def parse(line: bytes) -> Line:
    """Read one line without its line feed. Raises BadPart; the text never repeats what the line holds."""
    if line.startswith(_RECORD_PREFIX):
        name, middle, rest = line[len(_RECORD_PREFIX) :].partition(_RECORD_MIDDLE)
        collection = name.decode("ascii", "replace")
        if middle and is_collection(collection) and rest.endswith(b"}}"):
            return RecordLine(collection, rest[:-1])
    try:
        return _other(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadPart("part_line", "a line of the part cannot be read") from error


def _other(value: dict[str, Any]) -> Line:
    if "end" in value:
        return EndLine(Totals(int(value["end"]["records"]), int(value["end"]["masked"])))
    if "masked" in value:
        collection, fields = value["collection"], value["masked"]
        if not is_collection(collection) or not isinstance(fields, list):
            raise ValueError(collection)
        return MaskedLine(collection, tuple(str(field) for field in fields), int(value["rows"]))
    if "left_out" in value:
        collection, fields = value["collection"], value["left_out"]
        if not is_collection(collection) or not isinstance(fields, list):
            raise ValueError(collection)
        return LeftOutLine(collection, tuple(str(field) for field in fields), str(value["why"]), str(value["article"]))
    return HeadLine(uuid.UUID(value["task_id"]), str(value["processor_id"]))


@dataclass(slots=True)
class CollectionSummary:
    """`columns` in order of first appearance; `masked` = field → nothing, an ordered set."""

    records: int = 0
    columns: dict[str, None] = field(default_factory=dict)
    masked_fields: dict[str, None] = field(default_factory=dict)
    masked_rows: int = 0


@dataclass(slots=True)
class PartSummary:
    """What a first reading of a part finds: enough to lay out its files without keeping a record."""

    collections: dict[str, CollectionSummary] = field(default_factory=dict)
    left_out: list[LeftOutLine] = field(default_factory=list)
    ended: bool = False

    def add(self, line: Line) -> None:
        """Raises BadPart if lines follow the end, the end miscounts, or there are more names than fit a package."""
        if self.ended:
            raise BadPart("part_end", "the part goes on after its end")
        if isinstance(line, RecordLine):
            self._record(line)
        elif isinstance(line, MaskedLine):
            collection = self._collection(line.collection)
            collection.masked_fields.update(dict.fromkeys(line.fields))
            collection.masked_rows += line.rows
        elif isinstance(line, LeftOutLine):
            self.left_out.append(line)
            if len(self.left_out) > MAX_COLUMNS:
                raise BadPart("part_columns", f"the part names more than {MAX_COLUMNS} times what was left out")
        elif isinstance(line, EndLine):
            self.ended = True
            if line.totals != self.totals:
                raise BadPart("part_end", "the part does not hold as many records as its end says")

    @property
    def totals(self) -> Totals:
        found = self.collections.values()
        return Totals(sum(c.records for c in found), sum(c.masked_rows for c in found))

    def _record(self, line: RecordLine) -> None:
        collection = self._collection(line.collection)
        collection.records += 1
        try:
            record = json.loads(line.body)
        except ValueError as error:
            raise BadPart("part_line", "a record of the part cannot be read") from error
        collection.columns.update(dict.fromkeys(record))
        if len(collection.columns) > MAX_COLUMNS:
            raise BadPart("part_columns", f"{line.collection} has more than {MAX_COLUMNS} different fields")

    def _collection(self, name: str) -> CollectionSummary:
        if name not in self.collections and len(self.collections) >= MAX_COLLECTIONS:
            raise BadPart("part_collections", f"the part has more than {MAX_COLLECTIONS} collections")
        return self.collections.setdefault(name, CollectionSummary())
