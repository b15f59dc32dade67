"""Topics: made and checked at start, read and removed by tests and tools."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from lethe_messaging.errors import MessagingError, TopicMismatch
from lethe_messaging.topic_ids import topic_ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from lethe_events.topics import Topic
    from lethe_messaging.settings import KafkaSettings

_EXISTS = 36
_GONE = 3
_PATIENCE = 15.0  # seconds for a new topic to become visible


async def ensure_topics(
    settings: KafkaSettings, topics: Sequence[Topic], partitions: int = 8, replication: int = 1
) -> None:
    """Create the topics that are missing. Idempotent; many processes may call it at once.

    Raises TopicMismatch if one exists with another partition count: order per key would break, so nothing is
    changed and a person has to decide.
    """
    async with _admin(settings) as admin:
        found = await _partition_counts(admin, [t.name for t in topics])
        missing = [t for t in topics if t.name not in found]
        if missing:
            await _create(admin, missing, partitions, replication)
            found = await _visible(admin, [t.name for t in topics])
    wrong = {name: count for name, count in found.items() if count != partitions}
    if wrong:
        listed = ", ".join(f"{name} has {count}" for name, count in sorted(wrong.items()))
        raise TopicMismatch(f"expected {partitions} partitions, but {listed}; set LETHE_PARTITIONS to what exists")


async def partition_counts(settings: KafkaSettings, names: Sequence[str]) -> dict[str, int]:
    """How many partitions each of these topics has; a topic that does not exist is absent."""
    async with _admin(settings) as admin:
        return await _partition_counts(admin, names)


async def look_at_topics(settings: KafkaSettings, names: Sequence[str]) -> tuple[dict[str, int], dict[str, UUID]]:
    """Partition counts as `partition_counts` gives them, and the ids of these topics as far as the broker tells."""
    async with _admin(settings) as admin:
        counts = await _partition_counts(admin, names)
        # the client of the client: it sends what the admin API has no call for
        return counts, await topic_ids(admin._client, list(counts))  # noqa: SLF001


async def delete_topics(settings: KafkaSettings, names: Sequence[str]) -> None:
    """Remove topics with all their records. One that does not exist is no error."""
    async with _admin(settings) as admin:
        response = await admin.delete_topics(list(names))
        for name, code, *_ in response.topic_error_codes:
            if code not in {0, _GONE}:
                raise MessagingError(f"topic {name} cannot be deleted (Kafka error {code})")


async def read_all(settings: KafkaSettings, topic: str) -> list[Any]:
    """Every record of a topic that is there now, as aiokafka's ConsumerRecord, by partition and offset.

    For tests and scans: it reads into memory.
    """
    consumer = AIOKafkaConsumer(
        **settings.client_options(), enable_auto_commit=False, auto_offset_reset="none", fetch_max_wait_ms=100
    )
    await consumer.start()
    try:
        async with _admin(settings) as admin:
            count = (await _partition_counts(admin, [topic])).get(topic, 0)
        parts = [TopicPartition(topic, n) for n in range(count)]
        if not parts:
            return []
        consumer.assign(parts)
        ends: dict[Any, int] = await consumer.end_offsets(parts)
        for part, start in (await consumer.beginning_offsets(parts)).items():
            consumer.seek(part, start)
        records: list[Any] = []
        async with asyncio.timeout(60):
            while any([await consumer.position(part) < end for part, end in ends.items()]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
    finally:
        await consumer.stop()
    return sorted(records, key=lambda r: (r.partition, r.offset))


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[Any]:
    options = settings.client_options()
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _partition_counts(admin: Any, names: Sequence[str]) -> dict[str, int]:
    # asked of the list of all topics: asking for one by name would create it where the broker allows that
    described = await admin.describe_topics(None)
    return {
        t["topic"]: len(t["partitions"])
        for t in described
        if t["topic"] in names and t["error_code"] == 0 and all(p["leader"] >= 0 for p in t["partitions"])
    }


async def _create(admin: Any, topics: Sequence[Topic], partitions: int, replication: int) -> None:
    safe = str(max(1, replication - 1))  # with acks=all, a record survives the loss of one broker
    wanted = [
        NewTopic(
            t.name,
            partitions,
            replication,
            topic_configs={"retention.ms": str(t.retention_ms), "min.insync.replicas": safe},
        )
        for t in topics
    ]
    response = await admin.create_topics(wanted)
    for name, code, *rest in response.topic_errors:
        if code not in {0, _EXISTS}:
            raise MessagingError(f"topic {name} cannot be created (Kafka error {code}: {rest[0] if rest else ''})")


async def _visible(admin: Any, names: Sequence[str]) -> dict[str, int]:
    async with asyncio.timeout(_PATIENCE):
        while True:
            found = await _partition_counts(admin, names)
            if len(found) == len(set(names)):
                return found
            await asyncio.sleep(0.1)
