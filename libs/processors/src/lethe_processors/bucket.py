"""A token bucket. Pure: the caller brings the time, in seconds of a monotonic clock."""

from __future__ import annotations

_SHORTEST_WAIT = 0.001
"""Seconds; a remainder of rounding must not be waited for again and again."""


class TokenBucket:
    """Lets `rate` tasks a second through, and `burst` at once (default: one second's worth, at least one task)."""

    def __init__(self, rate: float | None, now: float, burst: int | None = None) -> None:
        self._rate = rate
        self._burst = max(1.0, rate or 1.0) if burst is None else float(max(1, burst))
        self._tokens = self._burst
        self._at = now

    def take(self, wanted: int, now: float) -> tuple[int, float]:
        """Take up to `wanted` tokens: how many were taken, or 0 and the seconds until it is worth asking again.

        Waits until a tenth of a second's worth is there (or all that is wanted), so that a rate of 50 a second
        gives ten claims a second and not fifty.
        """
        if self._rate is None:
            return wanted, 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        least = min(wanted, self._burst, max(1.0, self._rate / 10))
        if self._tokens < least:
            return 0, max(_SHORTEST_WAIT, (least - self._tokens) / self._rate)
        taken = min(wanted, int(self._tokens))
        self._tokens -= taken
        return taken, 0.0

    def give_back(self, unused: int) -> None:
        """Return tokens for which there was no task."""
        self._tokens = min(self._burst, self._tokens + unused)
