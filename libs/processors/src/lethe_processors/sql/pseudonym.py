"""Values that take the place of personal ones: of the same type and shape, telling nothing."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from lethe_processors.sql.catalog import Family

if TYPE_CHECKING:
    from lethe_processors.dataset.model import Field
    from lethe_processors.sql.catalog import Column
    from lethe_processors.sql.keys import Value

SUPPORTED = frozenset(
    {Family.INTEGER, Family.NUMERIC, Family.TEXT, Family.UUID, Family.DATE, Family.MOMENT, Family.BYTES}
)
SHORTEST_UNIQUE = 12  # characters; below, pseudonyms of a unique column would collide
_BITS = {"smallint": 15, "integer": 31, "bigint": 63}
_DAYS = 36_500
_EPOCH = date(1900, 1, 1)


def pseudonym(key: bytes, collection: str, field: Field, column: Column, row: Value) -> object:
    """HMAC-SHA-256 over where the value stands, not over the value: nobody can find it by trying values.

    The same row always gets the same pseudonym, so that doing it again changes nothing. With the key kept, what
    remains is still personal data (Recital 26): it says which row it was.
    """
    where = "\x00".join((collection, field.name, *(str(v) for v in row)))
    digest = hmac.new(key, f"lethe-pseudonym\x00{where}".encode(), hashlib.sha256).digest()
    return _shaped(digest, field, column)


def _shaped(digest: bytes, field: Field, column: Column) -> object:
    number = int.from_bytes(digest[:16], "big")
    if column.family is Family.INTEGER:
        return 1 + number % (2 ** _BITS.get(column.type, 31) - 1)
    if column.family in {Family.DATE, Family.MOMENT}:
        return _date(number, column)
    if column.family is Family.UUID:  # version 8, as RFC 9562 leaves to everybody
        return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | (0x8 << 76) | (0x2 << 62))
    if column.family is Family.NUMERIC:
        return 1 + number % 999
    return digest if column.family is Family.BYTES else _text(digest, number, field, column.max_length)


def _date(number: int, column: Column) -> date:
    day = _EPOCH + timedelta(days=number % _DAYS)
    if column.family is Family.DATE:
        return day
    return datetime.combine(day, time(), UTC if column.type == "timestamp with time zone" else None)


def _text(digest: bytes, number: int, field: Field, longest: int | None) -> str:
    if any(c.startswith("user.contact.email") for c in field.categories):
        address = "@pseudonym.invalid"  # reserved: mail to it cannot be delivered (RFC 2606)
        if longest is None or longest >= len(address) + SHORTEST_UNIQUE:
            local = digest.hex()[:24]
            return (local if longest is None else local[: longest - len(address)]) + address
    if any(c.startswith("user.contact.phone_number") for c in field.categories):
        return f"+999{number % 10**12:012d}"[:longest]
    text = f"p-{digest.hex()[:24]}"
    # the prefix would use up a short column
    return text[:longest] if longest is None or longest >= SHORTEST_UNIQUE else digest.hex()[:longest]
