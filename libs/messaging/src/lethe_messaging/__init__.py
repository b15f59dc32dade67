"""Kafka for Lethe: the only importer of aiokafka beside the participant SDK."""

from lethe_messaging.admin import delete_topics, ensure_topics, read_all
from lethe_messaging.bus import Bus
from lethe_messaging.crash_points import CRASH_POINTS
from lethe_messaging.errors import (
    BusFailed,
    ConsumerStuck,
    Fenced,
    HandlerTimeout,
    MessagingError,
    OperationRefused,
    RecordTooLarge,
    TopicMismatch,
)
from lethe_messaging.handler import Handler
from lethe_messaging.journal import Entry, Person, first_broken
from lethe_messaging.journal import record as record_operation
from lethe_messaging.messages import Message
from lethe_messaging.operations import (
    Operations,
    ParkedGroup,
    discard_parked,
    parked_groups,
    retry_parked,
    set_offset,
)
from lethe_messaging.settings import KafkaSettings, Tuning
from lethe_messaging.store import migrate_messaging
from lethe_messaging.work import Parked, Work

__all__ = [
    "CRASH_POINTS",
    "Bus",
    "BusFailed",
    "ConsumerStuck",
    "Entry",
    "Fenced",
    "Handler",
    "HandlerTimeout",
    "KafkaSettings",
    "Message",
    "MessagingError",
    "OperationRefused",
    "Operations",
    "Parked",
    "ParkedGroup",
    "Person",
    "RecordTooLarge",
    "TopicMismatch",
    "Tuning",
    "Work",
    "delete_topics",
    "discard_parked",
    "ensure_topics",
    "first_broken",
    "migrate_messaging",
    "parked_groups",
    "read_all",
    "record_operation",
    "retry_parked",
    "set_offset",
]
