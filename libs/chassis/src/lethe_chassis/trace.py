"""W3C Trace Context (level 1): one trace id per call chain, a fresh span id per hop. Opaque, so it may be logged."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORM = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_current: ContextVar[str | None] = ContextVar("lethe_traceparent", default=None)


def current_traceparent() -> str | None:
    """The context of this hop, to be written into envelopes and outgoing calls; None outside any call."""
    return _current.get()


def current_trace_id() -> str | None:
    value = _current.get()
    return None if value is None else value[3:35]


def next_hop(incoming: str | None) -> str:
    """The same trace with a span id of our own, or a new trace if `incoming` is absent or not valid.

    A version other than 00 is read as far as version 00 goes, `ff` and all-zero ids are invalid (§3.2.2, §4.3).
    """
    found = _FORM.match(incoming) if incoming else None
    if found is None or _refused(found):
        fresh = os.urandom(24).hex()
        return f"00-{fresh[:32]}-{fresh[32:]}-01"
    return f"00-{found[2]}-{os.urandom(8).hex()}-{int(found[4], 16) & 1:02x}"


@contextmanager
def bound(traceparent: str | None) -> Iterator[str]:
    """Bind the next hop of `traceparent` while a message or call is worked on."""
    value = next_hop(traceparent)
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)


def bind(traceparent: str) -> None:
    """Bind for the rest of this task; for a server that runs each call in a task of its own."""
    _current.set(traceparent)


def _refused(found: re.Match[str]) -> bool:
    version, trace, span, rest = found[1], found[2], found[3], found[5]
    return version == "ff" or (version == "00" and rest is not None) or trace == _NO_TRACE or span == _NO_SPAN
