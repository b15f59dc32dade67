"""What the register of one version says about a processor, as far as a saga needs it. Pinned by its tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_events.words import PACKAGE_PROCESSOR, Grade, Verb
from orchestrator.domain.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Reach(StrEnum):
    """How a processor is reached; decides the topic of its tasks and how much its word is worth."""

    SQL = "sql"
    HTTP = "http"
    KAFKA = "kafka"
    OWN = "own"  # Lethe itself, for the package


@dataclass(frozen=True, slots=True)
class Unverifiable:
    """Why nobody can look again at this processor; its sagas close on the acknowledgement, and say so."""

    ground: str
    article: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProcessorRules:
    """One processor.

    `ack_within`: how long to wait for an answer before asking again. `deletion_lag`: how long data may still be seen
    after the processor acknowledged or promised its erasure. `categories`: of the data it holds; none: unknown.
    `purposes`: data use and lawful basis of each (Art. 6(1)).
    """

    processor_id: str
    register_version: str
    reach: Reach = Reach.SQL
    verbs: frozenset[Verb] = frozenset({Verb.EXPORT, Verb.ERASE, Verb.VERIFY})
    after: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    unverifiable: Unverifiable | None = None
    deletion_lag: timedelta = timedelta(0)
    ack_within: timedelta = timedelta(minutes=15)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    purposes: tuple[tuple[str, str], ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def kafka_native(self) -> bool:
        return self.reach is Reach.KAFKA

    def credit(self, said: Grade) -> Grade:
        """The grade an answer is worth: nobody but Lethe can have re-read a Kafka-native processor."""
        if self.reach is Reach.KAFKA and said is not Grade.ATTESTED:
            return Grade.CONFIRMED_BY_API
        return said


def package_rules(register_version: str) -> ProcessorRules:
    """Lethe's own packaging, as if it were a processor."""
    return ProcessorRules(PACKAGE_PROCESSOR, register_version, Reach.OWN, frozenset({Verb.PACKAGE}))


def cycle(processors: Iterable[ProcessorRules]) -> tuple[str, ...] | None:
    """Processors that wait for each other by `after`, in order; None when there is no circle."""
    waits: Mapping[str, tuple[str, ...]] = {p.processor_id: p.after for p in processors}
    finished: set[str] = set()
    for start in waits:
        path: list[str] = []
        found = _walk(start, waits, path, finished)
        if found is not None:
            return found
    return None


def _walk(at: str, waits: Mapping[str, tuple[str, ...]], path: list[str], finished: set[str]) -> tuple[str, ...] | None:
    if at in path:
        return tuple(path[path.index(at) :])
    if at in finished or at not in waits:
        return None
    path.append(at)
    for other in waits[at]:
        found = _walk(other, waits, path, finished)
        if found is not None:
            return found
    path.pop()
    finished.add(at)
    return None
