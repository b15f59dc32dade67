"""What the checker answers: which guarantee was broken, where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Guarantee(StrEnum):
    """What every run has to keep. The values are stable: pages and matrices name them."""

    KEPT = "every accepted DSR reaches a terminal state or an open incident"
    ONE_SAGA = "one submission is one saga"
    ONE_EFFECT = "exactly one effect per saga, processor and task"
    NOTHING_UNASKED = "nothing is asked, done or answered that is not on record"
    ONE_ANSWER = "an attempt has one answer, and it counts once"
    NOT_EARLY = "no close before every processor in scope is verified or lawfully excepted"
    QUIET = "nothing after close but recorded no-ops"
    ALARMS = "each alarm once and never early"
    CHAIN = "the audit chain is unbroken"
    DRAINED = "outbox empty, lag zero, queues empty at the end"
    TIMERS = "timers are consistent with their sagas"
    HOLDS = "nothing is asked of what is held or excepted"
    PARKED = "a message that cannot be handled is parked, and nothing else is"
    ONE_OWNER = "nobody takes what a living owner holds"
    ORDER = "what the relay publishes for one writer about one saga keeps its order"


@dataclass(frozen=True, slots=True)
class Violation:
    """`detail` names ids and codes, never personal data."""

    guarantee: Guarantee
    detail: str

    def __str__(self) -> str:
        return f"{self.guarantee.name}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Empty where everything held."""

    violations: tuple[Violation, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.violations

    @property
    def broken(self) -> frozenset[Guarantee]:
        return frozenset(v.guarantee for v in self.violations)

    def __str__(self) -> str:
        return "everything held" if self.holds else "\n".join(map(str, self.violations))
