"""Topics: who keys them how, how long they keep, how many partitions they are created with.

A partition count is fixed at creation: changing it would break the order per key. Services check it at start.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """`key` names what the Kafka key is; `retention_ms` bounds how long a reader may be away."""

    name: str
    key: str
    retention_ms: int
    messages: tuple[str, ...]


REQUESTS = Topic(
    "dsr.requests",
    "dsr_id",
    14 * DAY_MS,
    (
        "lethe.dsr.received.v1",
        "lethe.dsr.identity-verified.v1",
        "lethe.dsr.withdrawn.v1",
        "lethe.letter.reported.v1",
    ),
)
TASKS_ERASURE = Topic("dsr.tasks.erasure", "dsr_id", 7 * DAY_MS, ("lethe.task.requested.v1",))
TASKS_EXPORT = Topic(
    "dsr.tasks.export",
    "dsr_id",
    7 * DAY_MS,
    ("lethe.task.requested.v1", "lethe.breach.search-requested.v1"),
)
"""Searches for the case of a breach are keyed by `case_id`."""
ACKS = Topic("dsr.acks", "dsr_id", 14 * DAY_MS, ("lethe.task.acknowledged.v1",))
LETTERS = Topic("dsr.letters", "dsr_id", 14 * DAY_MS, ("lethe.letter.requested.v1",))
STATUS = Topic("dsr.status", "dsr_id", 7 * DAY_MS, ("lethe.dsr.status.v1",))
AUDIT = Topic("dsr.audit", "seal", 365 * DAY_MS, ("lethe.audit.sealed.v1",))
SUBJECT_EVENTS = Topic(
    "subject.events", "subject_token", 7 * DAY_MS, ("lethe.subject.observed.v1", "lethe.consent.changed.v1")
)
BREACH_REPORTS = Topic("breach.reports", "breach_id", 30 * DAY_MS, ("lethe.breach.reported.v1",))
BREACH_SIGNALS = Topic("breach.signals", "asset", 7 * DAY_MS, ("lethe.breach.signal.v1",))
BREACH_STATUS = Topic("breach.status", "case_id", 30 * DAY_MS, ("lethe.breach.status.v1",))
BREACH_ANSWERS = Topic("breach.answers", "case_id", 14 * DAY_MS, ("lethe.breach.search-answered.v1",))

TOPICS = (
    REQUESTS,
    TASKS_ERASURE,
    TASKS_EXPORT,
    ACKS,
    LETTERS,
    STATUS,
    AUDIT,
    SUBJECT_EVENTS,
    BREACH_REPORTS,
    BREACH_SIGNALS,
    BREACH_STATUS,
    BREACH_ANSWERS,
)

DEFAULT_PARTITIONS = 8


def tasks_of(processor_id: str) -> Topic:
    """The topic of one Kafka-native processor, readable by nobody else."""
    return Topic(f"dsr.tasks.{processor_id}", "dsr_id", 7 * DAY_MS, ("lethe.task.requested.v1",))
