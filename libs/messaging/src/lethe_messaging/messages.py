"""A message as handlers get it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lethe_events import Headers, Received


class Message(NamedTuple):
    """One decoded message and where it came from."""

    topic: str
    partition: int
    offset: int
    received: Received
    headers: Headers
    key: bytes | None = None
    value: bytes | None = None
