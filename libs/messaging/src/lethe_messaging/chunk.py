"""Packing the records of one unit of work into one outbox row.

A chunk is a version byte and an LZ4 block. Inside: the length of a JSON head, the head (topic names, and the tuples
of header names that occur), per record the index of its topic and of its header names, the lengths of all fields,
then key, value and header values of each record. Names that repeat a thousand times are written once, and the work
per record is a few list operations, because every message of the system passes here.
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING

import cramjam

from lethe_events import Record
from lethe_messaging.errors import MessagingError

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION = b"\x01"
_COUNTS = struct.Struct("<III")


def pack(records: Sequence[Record]) -> bytes:
    """One chunk. Raises nothing that a Record could cause."""
    topics: dict[str, int] = {}
    shapes: dict[tuple[str, ...], int] = {}
    where: list[int] = []
    fields: list[bytes] = []
    for topic, key, value, headers in records:
        names = tuple([name for name, _ in headers])
        where.append(topics.setdefault(topic, len(topics)))
        where.append(shapes.setdefault(names, len(shapes)))
        fields.append(key)
        fields.append(value)
        fields += [content for _, content in headers]
    head = json.dumps([list(topics), [list(names) for names in shapes]]).encode()
    body = b"".join(
        [
            _COUNTS.pack(len(head), len(where), len(fields)),
            head,
            _little(array("H", where)),
            _little(array("I", map(len, fields))),
            *fields,
        ]
    )
    return _VERSION + bytes(cramjam.lz4.compress_block(body))


def unpack(chunk: bytes) -> list[Record]:
    """The records of a chunk, as they were. Raises MessagingError for a chunk of another version."""
    if chunk[:1] != _VERSION:
        raise MessagingError(f"an outbox chunk of version {chunk[:1].hex()}: update this service, it is behind")
    body = bytes(cramjam.lz4.decompress_block(chunk[1:]))
    head_size, where_count, field_count = _COUNTS.unpack_from(body)
    start = _COUNTS.size
    topics, shapes = json.loads(body[start : start + head_size])
    start += head_size
    where = _from_little("H", body[start : start + 2 * where_count])
    start += 2 * where_count
    lengths = _from_little("I", body[start : start + 4 * field_count])
    start += 4 * field_count
    ends = accumulate(lengths, initial=start)
    begin = next(ends)
    fields: list[bytes] = []
    for end in ends:
        fields.append(body[begin:end])
        begin = end
    return list(_records(topics, shapes, where, fields))


def _records(topics: list[str], shapes: list[list[str]], where: array[int], fields: list[bytes]) -> list[Record]:
    found: list[Record] = []
    at = 0
    for topic, shape in zip(where[::2], where[1::2], strict=True):
        names = shapes[shape]
        key, value = fields[at], fields[at + 1]
        at += 2
        contents = fields[at : at + len(names)]
        at += len(names)
        found.append(Record(topics[topic], key, value, tuple(zip(names, contents, strict=True))))
    return found


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _from_little(kind: str, data: bytes) -> array[int]:
    numbers: array[int] = array(kind)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
