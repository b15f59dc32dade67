"""What a person wants corrected (Art. 16), as it was sealed with the request. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(NamedTuple):
    """A field of a processor."""

    collection: str
    field: str


Scalar = str | int | float | bool | None


def of_processor(corrections: Mapping[str, object], processor_id: str) -> dict[Place, object]:
    """The corrections that concern one processor.

    Keys are `collection.field`, for every processor, or `processor:collection.field`, for one. What is for another
    processor is left out; a key without a dot has an empty collection, which nothing describes.
    """
    found: dict[Place, object] = {}
    for key, value in corrections.items():
        owner, colon, rest = key.rpartition(":")
        if not colon or owner == processor_id:
            collection, _, field = rest.rpartition(".")
            found[Place(collection, field)] = value
    return found


def as_text(value: object) -> str | None:
    """A value as PostgreSQL reads it; None for NULL. Only for scalars."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
