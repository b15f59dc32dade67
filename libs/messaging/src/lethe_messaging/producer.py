"""The adapter to aiokafka's producer: sends batches that are already cut by partition."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from aiokafka import AIOKafkaProducer

from lethe_events.partitioner import partition_of
from lethe_messaging.guard import CLIENT_ERRORS, LeakedCancellation, dispose, guarded

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
        self.unreachable = True
        """The last failure was the brokers' absence, not the records' fault."""

    async def publish(self, records: Sequence[Record]) -> Outcome:
        """Send all, in order per partition, and wait for the brokers. Never raises for what Kafka does.

        May take long while brokers are away, since the client retries by itself.
        """
        try:
            client = await self._connected()
        except CLIENT_ERRORS as error:
            self.failure, self.unreachable = type(error).__name__, True
            return Outcome(range(len(records)), ())
        self.unreachable = False
        lanes, refused = await self._lanes(client, records)
        results = await asyncio.gather(*[self._send_lane(client, *lane) for lane in lanes])
        failed = [index for result in results for index in result]
        if failed:
            await self.close()
        elif not refused:
            self.failure = None
        return Outcome(sorted(failed), refused)

    @property
    def client(self) -> Any:
        """What holds the connections; None while there is none."""
        return None if self._client is None else self._client.client

    async def close(self) -> None:
        """Let go of the client; the next `publish` makes another."""
        client, self._client = self._client, None
        if client is not None:
            await dispose(client.stop(), _STOP_PATIENCE)

    async def _connected(self) -> Any:
        if self._client is None:
            client = AIOKafkaProducer(
                **self._settings.client_options(),
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                max_batch_size=_BATCH_BYTES,
            )
            try:
                with guarded():
                    await client.start()
            except BaseException:
                await dispose(client.stop(), _STOP_PATIENCE)
                raise
            self._client = client
        return self._client

    async def _lanes(self, client: Any, records: Sequence[Record]) -> tuple[list[tuple[str, int, _Lane]], list[int]]:
        """Cut `records` into batches per partition; beside them the indexes whose topic is not to be found."""
        counts = {topic: await self._count(client, topic) for topic in {r.topic for r in records}}
        lanes: defaultdict[tuple[str, int], _Lane] = defaultdict(list)
        refused: list[int] = []
        for index, (topic, key, value, headers) in enumerate(records):
            count = counts[topic]
            if count == 0:
                refused.append(index)
                continue
            lane = lanes[topic, partition_of(key, count)]
            named = list(headers)
            if not lane or lane[-1][0].append(timestamp=None, key=key, value=value, headers=named) is None:
                batch = client.create_batch()
                batch.append(timestamp=None, key=key, value=value, headers=named)
                lane.append((batch, []))
            lane[-1][1].append(index)
        return [(topic, partition, lane) for (topic, partition), lane in lanes.items()], refused

    async def _count(self, client: Any, topic: str) -> int:
        """Partitions of `topic`, fixed at its creation; 0 if it is not there."""
        if topic not in self._partitions:
            if time.monotonic() < self._absent.get(topic, 0.0):
                return 0
            try:
                async with asyncio.timeout(_TOPIC_PATIENCE):
                    with guarded():
                        self._partitions[topic] = len(await client.partitions_for(topic))
            except CLIENT_ERRORS as error:
                self.failure = f"{topic}: {type(error).__name__}"
                self._absent[topic] = time.monotonic() + _TOPIC_PAUSE
                return 0
        return self._partitions[topic]

    async def _send_lane(self, client: Any, topic: str, partition: int, lane: _Lane) -> list[int]:
        """Send the batches of one partition one after another; the indexes from the first failure on."""
        waiting: _Lane = []
        failed: list[int] = []
        for batch, indexes in lane:
            batch.close()
            try:
                if not failed:
                    with guarded():
                        waiting.append((await client.send_batch(batch, topic, partition=partition), indexes))
                    continue
            except CLIENT_ERRORS as error:
                self._note(topic, error)
            failed += indexes
        for future, indexes in waiting:
            try:
                with guarded():
                    await future
            except CLIENT_ERRORS as error:
                self._note(topic, error)
                failed += indexes
        return failed

    def _note(self, topic: str, error: Exception) -> None:
        self.failure = f"{topic}: {type(error).__name__}"
        self.unreachable = (
            self.unreachable
            or isinstance(error, OSError | LeakedCancellation)
            or bool(getattr(error, "retriable", False))
        )
        log.warning("a batch was not published", extra={"topic": topic, "error": type(error).__name__})
