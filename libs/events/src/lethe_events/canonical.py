"""One byte form per JSON value, so that a hash or signature made today can be checked by anyone for ever.

The form is that of RFC 8785 for the values used here: UTF-8, members sorted by code point, no white space.
Numbers are integers only; a float has no single form across languages and is refused.
"""

from __future__ import annotations

import hashlib
import json

GENESIS = "0" * 64
"""The hash before the first link of a chain."""


def canonical(value: object) -> bytes:
    """The canonical bytes of a JSON value. Raises TypeError for a float or anything JSON does not know."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def link(previous: str, content: object) -> str:
    """Hash of the next link of a chain: over the previous hash (hex) and the canonical content."""
    return sha256_hex(previous.encode() + b"\n" + canonical(content))


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a float has no canonical form: use an integer or a string")
    if isinstance(value, dict):
        for member in value.values():
            _refuse_floats(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _refuse_floats(member)
