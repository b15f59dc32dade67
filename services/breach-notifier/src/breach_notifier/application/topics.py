"""Where this service writes and listens; other names only on a cluster that is shared with something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_events.topics import (
    BREACH_ANSWERS,
    BREACH_REPORTS,
    BREACH_SIGNALS,
    BREACH_STATUS,
    STATUS,
    SUBJECT_EVENTS,
    TASKS_EXPORT,
)

if TYPE_CHECKING:
    from lethe_events.topics import Topic


@dataclass(frozen=True, slots=True)
class Topics:
    reports: Topic = BREACH_REPORTS
    signals: Topic = BREACH_SIGNALS
    status: Topic = BREACH_STATUS
    answers: Topic = BREACH_ANSWERS
    searches: Topic = TASKS_EXPORT
    subjects: Topic = SUBJECT_EVENTS
    requests: Topic = STATUS
    """Where requests stand; ends of erasures are what is listened for."""

    @property
    def every(self) -> tuple[Topic, ...]:
        return self.reports, self.signals, self.status

    @property
    def of_people(self) -> tuple[Topic, ...]:
        """Those that finding people needs beside them."""
        return self.answers, self.searches, self.subjects, self.requests
