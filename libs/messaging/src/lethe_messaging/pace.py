"""Whether records come so often that they should gather at the broker. No I/O."""

from __future__ import annotations

OFTEN = 0.25
"""Seconds between arrivals below which there are many, and that end it."""


class Pace:
    """Single messages are fetched at once; from many, a fetch for each few would be most of the work."""

    def __init__(self) -> None:
        self._arrived_at = -OFTEN

    def many(self, now: float, *, arrived: bool) -> bool:
        """`now`: of a monotonic clock, in seconds; `arrived`: whether this look brought records."""
        often = now - self._arrived_at < OFTEN
        if arrived:
            self._arrived_at = now
        return often
