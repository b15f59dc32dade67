"""Second line of defence for logs: what a value may be, what must not be in it, how often a library may speak."""

from __future__ import annotations

import logging
import re
import time
from datetime import date, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

_EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+")
_PHONE = re.compile(r"\+\d[\d ()/-]{6,}\d")
_MAX_TEXT = 300
_MAX_ITEMS = 50
REDACTED = "[redacted]"


def value(found: object) -> object:
    """A plain value that may be logged. Objects are named by their class; texts lose addresses and phone numbers."""
    if found is None or isinstance(found, bool | int | float):
        return found
    if isinstance(found, UUID | datetime | date | timedelta):
        return str(found)
    if isinstance(found, Enum):
        return value(found.value)
    if isinstance(found, str):
        return text(found)
    if isinstance(found, list | tuple | set | frozenset):
        return [value(item) for item in list(found)[:_MAX_ITEMS]]
    return f"({type(found).__name__})"


def text(found: str) -> str:
    return _PHONE.sub(REDACTED, _EMAIL.sub(REDACTED, found[:_MAX_TEXT]))


class RateLimit(logging.Filter):
    """Lets a library say the same thing `burst` times in `window_s`; the next line tells how many were left out.

    A Kafka client writes some fifty errors a second while its broker is away. Our own lines pass.
    """

    def __init__(
        self, *, burst: int = 5, window_s: float = 10.0, clock: Callable[[], float] = time.monotonic, own: str = "lethe"
    ) -> None:
        super().__init__()
        self._burst = burst
        self._window_s = window_s
        self._clock = clock
        self._own = own
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, dict) or record.name.startswith(self._own):
            return True
        key = (record.name, str(record.msg)[:_MAX_TEXT])
        start, count = self._seen.get(key, (self._clock(), 0))
        if self._clock() - start > self._window_s:
            if count > self._burst:
                record.suppressed = count - self._burst
            start, count = self._clock(), 0
        if key not in self._seen and len(self._seen) > _MAX_TEXT:
            self._seen.clear()
        self._seen[key] = (start, count + 1)
        return count < self._burst
