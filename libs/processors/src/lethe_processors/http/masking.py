"""What is put in place of a person's values where a vendor cannot delete, and whether it stands there. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from lethe_processors.http.paths import optional
from lethe_processors.http.template import fill_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_processors.connector import WorkItem
    from lethe_processors.http.steps import Told


def mask_of(item: WorkItem) -> str:
    """32 hex digits, the same for every task of one request at one processor, so that verify knows what erase wrote.

    Nothing of the person is in it; only who has the request's id can tell that it stands for this request.
    """
    named = item.task.dsr_id.bytes + item.task.processor_id.encode()
    return sha256(b"lethe.mask.v1|" + named).hexdigest()[:32]


def holds(document: object, wanted: Mapping[str, Told], values: Mapping[str, str]) -> bool:
    """Whether everything wanted stands where it should. A path that leads nowhere holds nothing, not even null."""
    return all(
        _same(optional(path, document, _NOTHING), fill_body(expected, values)) for path, expected in wanted.items()
    )


_NOTHING = object()


def _same(found: object, expected: object) -> bool:
    return type(found) is type(expected) and found == expected
