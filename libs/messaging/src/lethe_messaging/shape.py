"""What of a parked message may be shown: its form, and of its content only what cannot tell of a person. Pure.

Messages on the bus hold no personal data; what is parked may be there because somebody did not keep to that.
"""

from __future__ import annotations

import base64
import inspect
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lethe_events import models
from lethe_events import words as vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TYPE = re.compile(r"lethe\.[a-z]+(\.[a-z_]+){1,3}\.v[0-9]{1,3}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_DEEPEST = 8
_WIDEST = 50
_ENVELOPE_IDS = ("ce_id", "ce_correlationid", "ce_causationid")


def shape(value: bytes | None) -> object:
    """The JSON of `value` with every leaf replaced by its kind and size, unless it is an id or a word of the contract.

    Names of members that no message of the contract has are replaced as well.
    """
    if value is None:
        return "(no value)"
    try:
        return _shape(json.loads(value), 0)
    except (ValueError, RecursionError):
        return f"(not JSON, {len(value)} bytes)"


def told_by(key: bytes | None, headers: Sequence[Sequence[str]]) -> dict[str, str]:
    """`key`, type and ids of the envelope, each only if it is what it should be. `headers`: name, base64 of value."""
    found = {name.lower(): _text(content) for name, content in headers}
    told: dict[str, str] = {}
    if key is not None and (id_ := _as_id(key.decode("utf-8", "replace"))) is not None:
        told["key"] = id_
    if _TYPE.fullmatch(found.get("ce_type", "")):
        told["type"] = found["ce_type"]
    for name in _ENVELOPE_IDS:
        if (id_ := _as_id(found.get(name, ""))) is not None:
            told[name.removeprefix("ce_")] = id_
    if _INSTANT.fullmatch(found.get("ce_time", "")):
        told["time"] = found["ce_time"]
    return told


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode("utf-8", "replace")


def _as_id(text: str) -> str | None:
    try:
        return str(UUID(text)) if len(text) == len("00000000-0000-0000-0000-000000000000") else None
    except ValueError:
        return None


def _shape(value: Any, depth: int) -> object:
    if depth > _DEEPEST:
        return "(deeper)"
    if isinstance(value, dict):
        return _members(value, depth)
    if isinstance(value, list):
        shown = [_shape(item, depth + 1) for item in value[:_WIDEST]]
        return shown if len(value) <= _WIDEST else [*shown, f"({len(value) - _WIDEST} more)"]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        harmless = _as_id(value) or (value if value in _words() else None)
        return harmless or f"(string of {len(value)})"
    return "(number)"


def _members(value: Mapping[str, Any], depth: int) -> dict[str, object]:
    names = _names()
    shown: dict[str, object] = {}
    for n, (name, content) in enumerate(value.items()):
        if n == _WIDEST:
            shown["(more)"] = len(value) - _WIDEST
            break
        shown[name if name in names else f"(unknown name {n + 1})"] = _shape(content, depth + 1)
    return shown


@cache
def _words() -> frozenset[str]:
    """Every value of every enumeration of the contract."""
    kinds = (k for k in vars(vocabulary).values() if isinstance(k, type) and hasattr(k, "__members__"))
    return frozenset(str(member.value) for kind in kinds for member in kind.__members__.values())


@cache
def _names() -> frozenset[str]:
    """Every name of a member of a message of the contract, or of a part of one."""
    kinds = (k for k in vars(models).values() if isinstance(k, type) and issubclass(k, models.Part))
    return frozenset(name for kind in kinds for name in inspect.get_annotations(kind) if not name.startswith("_"))
