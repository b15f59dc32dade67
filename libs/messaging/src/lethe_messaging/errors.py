"""Errors of messaging.

MessagingError
├── TopicMismatch     a topic has another number of partitions than it was created with
├── RecordTooLarge    a record that no broker would take (Permanent)
├── HandlerTimeout    a handler did not come back in time
├── Fenced            another instance owns the partition now: drop the work, nothing is lost
└── BusFailed         the bus is not running: a part of it died, or it was not started
"""

from __future__ import annotations

from lethe_postgres import Permanent


class MessagingError(Exception):
    """Base of what this library raises itself."""


class TopicMismatch(MessagingError):
    """The partition count of a topic is not the one that order per key was built on."""


class RecordTooLarge(MessagingError, Permanent):
    """The record is larger than brokers accept; refused before it can block an outbox."""


class HandlerTimeout(MessagingError):
    """A handler did not come back within its time; the batch is tried in smaller pieces."""


class Fenced(MessagingError):
    """The offset row is not as this owner left it: somebody else owns the partition. Everything was rolled back."""


class BusFailed(MessagingError):
    """The bus is not running; the text says which part failed."""
