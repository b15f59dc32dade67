"""Named crash points: places where a test makes the process die as kill -9 would."""

from __future__ import annotations

import os

_hits: dict[str, int] = {}


def crashpoint(name: str) -> None:
    """Die at once (exit code 137, nothing flushed) if `LETHE_CRASH_AT` is `name`, or `name:n` for the n-th passage.

    Nothing happens in production, where the variable is not set.
    """
    target = os.environ.get("LETHE_CRASH_AT")
    if target is None:
        return
    wanted, _, count = target.partition(":")
    if wanted != name:
        return
    _hits[name] = _hits.get(name, 0) + 1
    if _hits[name] >= int(count or "1"):
        os._exit(137)
