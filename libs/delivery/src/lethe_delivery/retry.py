"""When a delivery is tried again: pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_delivery.errors import BadSettings
from lethe_delivery.messages import State, Verdict

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How deliveries of one channel are carried."""

    first_pause: timedelta = timedelta(minutes=1)
    longest_pause: timedelta = timedelta(hours=2)
    max_attempts: int = 40
    """About three days with the pauses above."""
    window: int = 20
    """Letters that are handed over between two commits: at most so many are in doubt after a crash."""
    batch: int = 500
    """Letters that are claimed and composed at once."""
    per_second: float | None = None
    """Rate of the channel over all instances; None: as fast as the other side takes them."""
    frozen_after: timedelta = timedelta(seconds=90)
    """An instance that was not seen for so long is taken for gone although its session lives."""
    settle_after: timedelta = timedelta(seconds=60)
    """How long a letter in doubt is left alone: longer than the other side needs to finish what it was given."""
    look_around: timedelta = timedelta(seconds=5)
    """Between looks at other instances and at letters in doubt."""
    soft_bounces: int = 2
    """Reports that a letter could not be delivered for now, after which it goes out again; one more and it failed."""
    after_bounce: timedelta = timedelta(hours=6)
    """Pause after the first such report; after the second twice as long, and so on."""
    hand_over_within: timedelta = timedelta(seconds=20)
    """A window that is not begun so soon after its commit (a frozen process) is not begun any more."""

    def __post_init__(self) -> None:
        if self.window < 1 or self.batch < 1 or self.max_attempts < 1:
            raise BadSettings("window, batch and max_attempts have to be at least 1")
        if self.per_second is not None and self.per_second <= 0:
            raise BadSettings("per_second has to be above 0; leave it out for no limit")
        if self.hand_over_within >= self.frozen_after:
            raise BadSettings("hand_over_within has to be shorter than frozen_after: else two instances may send")

    def pause(self, delivery_id: UUID, attempts: int) -> timedelta:
        """1, 2, 4, … minutes up to two hours, each up to a fifth longer by the id, so that retries spread out."""
        doubled = self.first_pause * float(1 << min(attempts - 1, 20))
        spread = 1 + (zlib.crc32(delivery_id.bytes) % 1000) / 5000
        return min(doubled, self.longest_pause) * spread

    def after(self, verdict: Verdict, attempts: int) -> State:
        """The state that an attempt leads to."""
        if verdict is Verdict.TRANSIENT:
            return State.FAILED if attempts >= self.max_attempts else State.QUEUED
        return {
            Verdict.SENT: State.SENT,
            Verdict.PERMANENT: State.FAILED,
            Verdict.UNCERTAIN: State.UNCERTAIN,
        }[verdict]
