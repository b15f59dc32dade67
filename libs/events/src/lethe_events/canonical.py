"""One byte form per JSON value, so that a hash or signature made today can be checked by anyone for ever.

The form is that of RFC 8785 for the values used here: UTF-8, members sorted by code point, no white space.
Numbers are integers only; a float has no single form across languages and is refused.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

_PLAIN: Final = frozenset({str, int, bool, type(None)})
"""Types that hold nothing else: most members of most documents are of these."""
_ENCODE: Final = msgspec.json.Encoder(order="sorted").encode

GENESIS = "0" * 64
"""The hash before the first link of a chain."""


def canonical(value: object) -> bytes:
    """The canonical bytes of a JSON value. Raises TypeError for a float or anything JSON does not know."""
    _refuse(value)
    return _ENCODE(value)


def canonical_of_built(value: object) -> bytes:
    """The same for a value that the caller built of strings, integers, booleans and null alone: not looked at again.

    A float would get bytes that `canonical`, and so every later check, refuses.
    """
    return _ENCODE(value)


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def link(previous: str, content: object) -> str:
    """Hash of the next link of a chain: over the previous hash (hex) and the canonical content."""
    return sha256_hex(previous.encode() + b"\n" + canonical(content))


def _refuse(value: object) -> None:
    if isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str):
                raise TypeError("a member's name is a string in JSON")
            if type(member) not in _PLAIN:
                _refuse(member)
    elif isinstance(value, list | tuple):
        for member in value:
            if type(member) not in _PLAIN:
                _refuse(member)
    elif isinstance(value, float):
        raise TypeError("a float has no canonical form: use an integer or a string")
    elif not isinstance(value, str | int | None):
        raise TypeError(f"JSON knows no {type(value).__name__}: write it as a string")
