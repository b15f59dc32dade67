"""The adapter to aiokafka's producer: sends batches that are already cut by partition."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from aiokafka import AIOKafkaProducer

from lethe_messaging.guard import CLIENT_ERRORS, LeakedCancellation, dispose, guarded
from lethe_messaging.partitioner import partition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_events import Record
    from lethe_messaging.settings import KafkaSettings

log = logging.getLogger(__name__)

_BATCH_BYTES = 900_000  # before compression; brokers refuse a batch above 1 MiB by default
_TOPIC_PATIENCE = 2.0  # seconds to wait for the metadata of a topic not yet seen
_TOPIC_PAUSE = 5.0  # seconds before a topic that was not there is looked for again
_STOP_PATIENCE = 5.0


_Lane: TypeAlias = "list[tuple[Any, list[int]]]"
"""Batches of one partition, each with the indexes of its records."""


class Outcome(NamedTuple):
    """Indexes of the records that the brokers did not acknowledge."""

    failed: Sequence[int]
    refused: Sequence[int]
    """Their topic does not exist, or may not be written by us."""


class Producer:
    """An idempotent producer that is made anew after any failure.

    A failed batch leaves a hole in the sequence numbers of its partition, after which an idempotent producer is of
    no more use. Batches are built here and not record by record with `send`, which costs a coroutine, a future and
    two set constructions per record.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: Any = None
        self._partitions: dict[str, int] = {}
        self._absent: dict[str, float] = {}
        self.failure: str | None = "not connected yet"
        """Why the last attempt failed; None while all is well."""
        absent = isinstance(error, OSError | LeakedCancellation) or bool(getattr(error, "retriable", False))
        self.unreachable = self.unreachable or absent
        log.warning("a batch was not published", extra={"topic": topic, "error": type(error).__name__})
