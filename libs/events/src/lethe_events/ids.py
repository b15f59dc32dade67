"""Opaque identifiers. Nothing here is derived from a person's data."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Final, NewType

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

DsrId = NewType("DsrId", uuid.UUID)
"""One request by one data subject exercising one right; also the id of its saga."""
SubjectRef = NewType("SubjectRef", uuid.UUID)
"""Random reference to the data subject within one DSR. Two DSRs of one person share nothing."""
TaskId = NewType("TaskId", uuid.UUID)
ControllerId = NewType("ControllerId", str)
ProcessorId = NewType("ProcessorId", str)

_NAMESPACE = uuid.UUID("6f1c6f0e-8f0b-5b53-9a51-1e7e00000001")


def uuid7(now: datetime, entropy: bytes) -> uuid.UUID:
    """UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 of the 80 bits of `entropy`.

    Time-ordered keys keep the hot end of an index in memory. Pure: the caller brings clock and randomness.
    Raises ValueError if `now` is naive or `entropy` is not 10 bytes.
    """
    if now.tzinfo is None:
        msg = "uuid7 needs an aware datetime"
        raise ValueError(msg)
    if len(entropy) != 10:  # noqa: PLR2004 - 80 bits follow the timestamp
        msg = "uuid7 needs 10 bytes of entropy"
        raise ValueError(msg)
    value = bytearray(int(now.timestamp() * 1000).to_bytes(6, "big") + entropy)
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    return uuid.UUID(bytes=bytes(value))


def uuid5(namespace: uuid.UUID, name: str) -> uuid.UUID:
    """As `uuid.uuid5` (RFC 9562 §5.5), at half its price: ids are derived for every message."""
    digest = bytearray(hashlib.sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = 0x50 | (digest[6] & 0x0F)
    digest[8] = 0x80 | (digest[8] & 0x3F)
    return _made(bytes(digest), uuid.UUID)


_made: Final = msgspec.convert
"""Makes the object in C; the constructor of the standard library is four times as slow."""


def id_of(text: str) -> uuid.UUID:
    """As `uuid.UUID(text)` for the two forms that are written, at a third of its price. Raises ValueError."""
    return _made(text, uuid.UUID)


def text_of(id_: uuid.UUID) -> str:
    """As `str(id_)`, at a quarter of its price."""
    text: str = msgspec.to_builtins(id_)
    return text


def task_id(dsr_id: uuid.UUID, processor_id: str, verb: str, round_: int) -> TaskId:
    """The same saga, processor, verb and round give the same id for ever.

    This form is the dedupe key of redelivered and re-issued tasks: never change it.
    """
    return TaskId(uuid5(dsr_id, f"{processor_id}/{verb}/{round_}"))


def message_id(cause: uuid.UUID, version: int, index: int) -> uuid.UUID:
    """Deterministic id of the `index`-th message that version `version` of `cause` (a saga, a task) gave rise to."""
    return uuid5(_NAMESPACE, f"{text_of(cause)}/{version}/{index}")
