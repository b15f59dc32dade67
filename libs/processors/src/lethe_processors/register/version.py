"""The version of a register: a hash over what its files say, not over how they are written."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from lethe_events.canonical import canonical, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping


def version_of(files: Mapping[str, object]) -> str:
    """SHA-256 (hex) over the canonical content of all files by name; comments, key order and layout do not count."""
    return sha256_hex(canonical(_plain(dict(files))))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | None) else str(value)
