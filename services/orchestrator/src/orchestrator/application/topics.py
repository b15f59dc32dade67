"""Where this service writes and listens; other names only on a cluster that is shared with something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_events.topics import (
    ACKS,
    AUDIT,
    LETTERS,
    REQUESTS,
    STATUS,
    SUBJECT_EVENTS,
    TASKS_ERASURE,
    TASKS_EXPORT,
    tasks_of,
)
from orchestrator.domain.saga import CHANGES

if TYPE_CHECKING:
    from lethe_events.topics import Topic
    from lethe_events.words import Verb
    from orchestrator.domain.rules import ProcessorRules


@dataclass(frozen=True, slots=True)
class Topics:
    requests: Topic = REQUESTS
    acks: Topic = ACKS
    erasure: Topic = TASKS_ERASURE
    export: Topic = TASKS_EXPORT
    status: Topic = STATUS
    audit: Topic = AUDIT
    subject_events: Topic = SUBJECT_EVENTS
    letters: Topic = LETTERS
    prefix: str = ""

    def of_task(self, verb: Verb, rules: ProcessorRules) -> str:
        """Kafka-native processors have a topic of their own; else changes go one way and readings the other."""
        if rules.kafka_native:
            return self.of_processor(rules.processor_id).name
        return self.erasure.name if verb in CHANGES else self.export.name

    def of_processor(self, processor_id: str) -> Topic:
        own = tasks_of(processor_id)
        if not self.prefix:
            return own
        return type(own)(self.prefix + own.name, own.key, own.retention_ms, own.messages)
