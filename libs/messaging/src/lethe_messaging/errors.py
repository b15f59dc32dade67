"""Errors of messaging.

MessagingError
├── TopicMismatch     a topic has another number of partitions than it was created with
├── RecordTooLarge    a record that no broker would take (Permanent)
├── HandlerTimeout    a handler did not come back in time
├── Fenced            another instance owns the partition now: drop the work, nothing is lost
├── OperationRefused  what a person asked for is not possible; `code` says why, the text what to do
├── ConsumerStuck     new clients read nothing either: only a new process helps
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


class OperationRefused(MessagingError):
    """A person's operation was not carried out, and nothing was changed."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class ConsumerStuck(MessagingError):
    """The broker has records, and one new client after another reads none: the process has to end."""

    exit_code = 75  # EX_TEMPFAIL: start it again
