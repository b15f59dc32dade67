"""One byte form per JSON value, so that a hash or signature made today can be checked by anyone for ever.

The form is that of RFC 8785 for the values used here: UTF-8, members sorted by code point, no white space.
Numbers are integers only; a float has no single form across languages and is refused.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN: Final = frozenset({str, int, bool, type(None)})
"""Types that hold nothing else: most members of most documents are of these."""
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

GENESIS = "0" * 64
"""The hash before the first link of a chain."""


def canonical(value: object) -> bytes:
    """The canonical bytes of a JSON value. Raises TypeError for a float or anything JSON does not know."""
    _refuse_floats(value)
    return _ENCODER.encode(value).encode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def link(previous: str, content: object) -> str:
    """Hash of the next link of a chain: over the previous hash (hex) and the canonical content."""
    return sha256_hex(previous.encode() + b"\n" + canonical(content))


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a float has no canonical form: use an integer or a string")
    members: Iterable[object] = ()
    if isinstance(value, dict):
        members = value.values()
    elif isinstance(value, list | tuple):
        members = value
    for member in members:
        if type(member) not in _PLAIN:
            _refuse_floats(member)
