"""Back-off as a value. Pure: the caller brings the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

_MOST_DOUBLINGS = 40
LONGEST_RELOOK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed task is asked again.

    first 2 s, factor 2, longest 5 min: 2, 4, 8, 16 … 256, 300, 300 seconds; each shortened by up to a quarter,
    by the task's id, so that what failed together does not come back together.
    """

    max_attempts: int = 6
    """Attempts in a row before a person has to look; a person's retry starts the count anew."""
    first: timedelta = timedelta(seconds=2)
    factor: float = 2.0
    longest: timedelta = timedelta(minutes=5)

    def delay(self, failures: int, task_id: UUID) -> timedelta:
        """Wait after the `failures`-th failure in a row (≥ 1)."""
        full = min(self.first * self.factor ** min(failures - 1, _MOST_DOUBLINGS), self.longest)
        return full * (1 - (task_id.int % 1024) / 4096)

    def exhausted(self, tries: int) -> bool:
        return tries >= self.max_attempts


def relook_at(now: datetime, looks: int, policy: RetryPolicy, gone_by: datetime) -> datetime | None:
    """When to look again at a processor that still has time to delete; None once `gone_by` has passed.

    Doubles from `policy.first` without its upper bound, up to a day, and looks a last time at `gone_by`.
    """
    if now >= gone_by:
        return None
    wait = min(policy.first * policy.factor ** min(looks, _MOST_DOUBLINGS), LONGEST_RELOOK)
    return min(now + wait, gone_by)
