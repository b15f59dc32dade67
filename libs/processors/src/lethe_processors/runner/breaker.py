"""A circuit breaker per processor. Pure: the caller brings the time, in seconds of a monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    CLOSED = "closed"  # → open
    OPEN = "open"  # → half_open
    HALF_OPEN = "half_open"  # → closed, → open


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Opens after `threshold` transient failures in a row; stays open `first` seconds, doubled up to `longest`."""

    threshold: int = 10
    first: float = 1.0
    longest: float = 60.0


class Breaker:
    """While open nothing is called, so nothing uses up its tries; then one task at a time is the probe."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._openings = 0
        self._until = 0.0
        self._was_told = False
        self.state = BreakerState.CLOSED

    def permit(self, wanted: int, in_flight: int, now: float) -> tuple[int, float | None]:
        """How many tasks may be called now, or 0 and the seconds to wait (None: until the call in flight is back)."""
        if self.state is BreakerState.OPEN and now >= self._until:
            self.state = BreakerState.HALF_OPEN
        if self.state is BreakerState.CLOSED:
            return wanted, 0.0
        if self.state is BreakerState.OPEN:
            return 0, self._until - now
        return (0, None) if in_flight else (1, 0.0)

    def succeeded(self) -> bool:
        """The processor answered, whatever it answered. True if it was away, and had not named a time to wait for."""
        back = self._openings > 0 and not self._was_told
        self._was_told = False
        self._failures = 0
        self._openings = 0
        self.state = BreakerState.CLOSED
        return back

    def asked_to_wait(self, seconds: float, now: float) -> None:
        """The processor named the time before which it will not answer: calling it would only use up tries."""
        self._until = max(self._until, now + seconds)
        self._was_told = True
        self.state = BreakerState.OPEN

    def failed(self, now: float) -> None:
        """One transient failure: no answer, or one that says try later."""
        self._failures += 1
        if self.state is BreakerState.OPEN:
            return
        if self.state is BreakerState.HALF_OPEN or self._failures >= self._policy.threshold:
            self._until = now + min(self._policy.longest, self._policy.first * 2.0 ** min(self._openings, 32))
            self._openings += 1
            self._failures = 0
            self.state = BreakerState.OPEN
