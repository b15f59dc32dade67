"""How hard one processor may be worked, and how long to wait before trying again. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one processor's runner; each processor has its own, so that no trouble of one reaches another."""

    concurrency: int = 4
    """Calls at the same time."""
    batch: int = 50
    """Tasks of one verb in one call, at most."""
    per_second: float | None = None
    """Tasks a second, over all calls of this process; None: no limit."""
    burst: int | None = None
    """Tasks that may be taken at once before `per_second` holds; None: one second's worth."""
    max_tries: int = 6
    """Tries of one attempt here, before the transient failure is told to the orchestrator, which decides."""
    first_backoff: float = 2.0
    """Seconds before the second try."""
    factor: float = 2.0
    max_backoff: float = 300.0
    """Seconds; also bounds what a processor may ask for by Retry-After."""
    call_timeout: float = 60.0
    """Seconds after which a call is given up; a processor that hangs holds only its own calls, and only so long."""

    def __post_init__(self) -> None:
        if min(self.concurrency, self.batch, self.max_tries) < 1:
            raise ValueError("concurrency, batch and max_tries are at least 1")
        if self.per_second is not None and self.per_second <= 0:
            raise ValueError("per_second is positive, or None for no limit")
        if self.burst is not None and self.burst < 1:
            raise ValueError("burst is at least 1, or None for one second's worth")
        if min(self.first_backoff, self.max_backoff, self.call_timeout) <= 0 or self.factor < 1:
            raise ValueError("back-off and call_timeout are positive, factor is at least 1")

    @property
    def lease(self) -> float:
        """Seconds for which a claim is safe: a call, the same items one by one, and the writing of the result."""
        return 2 * self.call_timeout + 30

    def backoff(self, tries: int, chance: float, retry_after: float | None = None) -> float:
        """Seconds to wait after `tries` tries (≥ 1): exponential, then the upper half of it by `chance` in [0, 1).

        With first_backoff 2 and factor 2: 1-2, 2-4, 4-8, … Not shorter than what the processor asked for, up to
        max_backoff.
        """
        full = min(self.max_backoff, self.first_backoff * self.factor ** min(tries - 1, 64))
        jittered = full * (1 + chance) / 2
        return min(self.max_backoff, max(jittered, retry_after or 0.0))
