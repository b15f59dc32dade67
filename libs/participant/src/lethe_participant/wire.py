"""Kafka, as far as a participant needs it: poll, publish, commit; every client is made anew after a failure."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from lethe_participant.errors import KafkaDown
from lethe_participant.sending import send
from lethe_participant.stale import Stale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_events import Record
    from lethe_participant.settings import Settings

_log = logging.getLogger(__name__)
_POLL_MS = 250
_FEW = 200  # tasks; more do not wait for company
_BATCH_BYTES = 900_000  # before compression; brokers refuse a batch above 1 MiB by default
_COMMIT_EVERY = 0.5  # seconds; what was done since comes again after a crash, and is answered again
_PATIENCE = 5.0  # seconds for a client to stop
_PUBLISH = 30.0  # seconds for everything of one batch to be acknowledged


class Incoming(NamedTuple):
    """One record of the topic. `place` names it for logs: topic, partition, offset."""

    headers: Sequence[tuple[str, bytes]]
    value: bytes | None
    place: str


class Wire(Protocol):
    """What the participant needs of a bus. Every method raises KafkaDown when the bus does not do it."""

    async def poll(self) -> list[Incoming]:
        """The next records, or none after a short while."""
        ...

    async def publish(self, records: Sequence[Record]) -> None:
        """Returns when all in-sync replicas have all records."""
        ...

    async def commit(self) -> None:
        """Everything polled so far is done: it comes again only if this process dies within the next moment."""
        ...

    async def reset(self) -> None:
        """Connect anew; what was polled and not committed comes again."""
        ...

    async def close(self) -> None: ...


class KafkaWire:
    """One topic, read with the consumer group of the processor; Kafka keeps the offsets."""

    def __init__(self, settings: Settings, *, topic: str, group: str) -> None:
        self._settings = settings
        self._topic = topic
        self._group = group
        self._consumer: Any = None
        self._producer: Any = None
        self._starting = asyncio.Lock()
        self._polled: dict[TopicPartition, int] = {}
        self._stale = Stale(self._clients)
        self._done: dict[TopicPartition, int] = {}
        self._committed = 0.0

    async def poll(self) -> list[Incoming]:
        try:
            if self._consumer is None:
                self._consumer = await self._consume()
            found = await self._take(_POLL_MS, self._settings.batch)
            if 0 < len(found) < min(_FEW, self._settings.batch):
                await asyncio.sleep(self._settings.linger)
                found += await self._take(0, self._settings.batch - len(found))
            elif not found and self._done:
                await self._commit()
        except (KafkaError, OSError, TimeoutError) as error:
            raise KafkaDown(f"polling: {type(error).__name__}") from None
        self._polled = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in found}
        return [
            Incoming(record.headers, record.value, f"{record.topic}/{record.partition}/{record.offset}")
            for record in found
        ]

    async def _take(self, timeout_ms: int, at_most: int) -> list[Any]:
        """In the order of offsets, per partition."""
        batches = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=at_most)
        return [record for records in batches.values() for record in records]

    async def commit(self) -> None:
        self._done |= self._polled
        self._polled = {}
        if self._done and time.monotonic() - self._committed >= _COMMIT_EVERY:
            await self._commit()

    async def _commit(self) -> None:
        """What was taken from us meanwhile is not ours to commit: its new owner does it again."""
        ours = self._consumer.assignment()
        done, self._done = {place: offset for place, offset in self._done.items() if place in ours}, {}
        self._committed = time.monotonic()
        try:
            if done:
                await self._consumer.commit(done)
        except (KafkaError, OSError, TimeoutError) as error:
            raise KafkaDown(f"committing: {type(error).__name__}") from None

    async def publish(self, records: Sequence[Record]) -> None:
        async with self._starting:
            if self._producer is None:
                self._producer = await self._produce()
        producer = self._producer
        try:
            async with asyncio.timeout(_PUBLISH):
                await send(producer, records)
        except (KafkaError, OSError, TimeoutError) as error:
            if self._producer is producer:
                # a batch that failed leaves a hole in the sequence of an idempotent producer: it is of no more use
                self._producer = None
                await _stop(producer)
            raise KafkaDown(f"publishing: {type(error).__name__}") from None

    async def reset(self) -> None:
        consumer, self._consumer, self._polled, self._done = self._consumer, None, {}, {}
        await _stop(consumer)

    async def close(self) -> None:
        if self._consumer is not None and self._done:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._commit()
            except (KafkaDown, TimeoutError):
                _log.warning("not_committed")  # it comes again, which is harmless
        await self.reset()
        producer, self._producer = self._producer, None
        await _stop(producer)
        self._stale.end()

    def _clients(self) -> list[Any]:
        """What holds the connections: the clients inside the clients."""
        consumer = None if self._consumer is None else self._consumer._client  # noqa: SLF001
        producer = None if self._producer is None else self._producer.client
        return [client for client in (consumer, producer) if client is not None]

    async def _consume(self) -> Any:
        consumer = AIOKafkaConsumer(
            self._topic,
            **self._settings.client_options(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # a new participant must not miss what was asked before its first start
            session_timeout_ms=6_000,  # the least that brokers allow by default: so long nobody does a dead one's tasks
            heartbeat_interval_ms=2_000,
            fetch_max_wait_ms=30,
            fetch_min_bytes=32 << 10,  # a fetch for every few records is what a broker spends its time on
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        try:
            await consumer.start()
        except BaseException:
            await _stop(consumer)
            raise
        self._stale.begin()
        return consumer

    async def _produce(self) -> Any:
        producer = AIOKafkaProducer(
            **self._settings.client_options(),
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=_BATCH_BYTES,
        )
        try:
            await producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(producer)
            raise KafkaDown(f"connecting: {type(error).__name__}") from None
        self._stale.begin()
        return producer


async def _stop(client: Any) -> None:
    if client is None:
        return
    try:
        async with asyncio.timeout(_PATIENCE):
            await client.stop()
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        _log.warning("client_did_not_stop", extra={"error": type(error).__name__})
