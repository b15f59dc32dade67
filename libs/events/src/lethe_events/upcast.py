"""One step per superseded version: a message written years ago is read by today's code.

A step takes the body of version n and returns type and body of version n+1. Steps chain. Old golden files
under `tests/contract/events/golden` are never edited, so a missing step fails a test.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Step = tuple[str, "Callable[[dict[str, Any]], dict[str, Any]]"]

STEPS: dict[str, Step] = {}
"""Superseded type → (its successor, how to rewrite the body). Empty while every type is at v1."""


def upcast(type_: str, data: bytes) -> tuple[str, bytes]:
    """Rewrite `data` to the newest version of its type; bytes untouched when it already is the newest."""
    if type_ not in STEPS:
        return type_, data
    body = json.loads(data)
    while type_ in STEPS:
        type_, rewrite = STEPS[type_]
        body = rewrite(body)
    return type_, json.dumps(body).encode()
