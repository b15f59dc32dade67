"""Waiting on a machine that now and then stands still for everybody."""

from __future__ import annotations

import time

_LONGEST = 1.0  # seconds that the time between two looks counts at most


class Patience:
    """So many seconds in which something could have happened.

    A machine that is paused, or whose cores are taken away from all of us for a minute, does not make what we wait for
    any later than it is: between two looks a second passes at most. Look more often than that.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._looked_at = time.monotonic()

    @property
    def over(self) -> bool:
        """Look: whether the time is up."""
        now = time.monotonic()
        self._left -= min(_LONGEST, now - self._looked_at)
        self._looked_at = now
        return self._left < 0
