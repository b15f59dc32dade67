"""Where this service writes and listens; other names only on a cluster that is shared with something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_events.topics import BREACH_REPORTS, BREACH_SIGNALS, BREACH_STATUS

if TYPE_CHECKING:
    from lethe_events.topics import Topic


@dataclass(frozen=True, slots=True)
class Topics:
    reports: Topic = BREACH_REPORTS
    signals: Topic = BREACH_SIGNALS
    status: Topic = BREACH_STATUS

    @property
    def every(self) -> tuple[Topic, ...]:
        return self.reports, self.signals, self.status
