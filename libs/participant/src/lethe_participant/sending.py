"""Records cut into batches by partition: a future for each batch and not for each record."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lethe_events.partitioner import partition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_events import Record


async def send(producer: Any, records: Sequence[Record]) -> None:
    """Returns when all in-sync replicas have all records, in their order per key. Raises what the client raises."""
    sent = []
    for topic, partition, batch in await _batches(producer, records):
        batch.close()
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


async def _batches(producer: Any, records: Sequence[Record]) -> list[tuple[str, int, Any]]:
    """In the order in which they have to be sent."""
    counts = {topic: len(await producer.partitions_for(topic)) for topic in {record.topic for record in records}}
    cut: list[tuple[str, int, Any]] = []
    filling: dict[tuple[str, int], Any] = {}
    for topic, key, value, headers in records:
        place = topic, partition_of(key, counts[topic])
        named = list(headers)
        batch = filling.get(place)
        if batch is None or batch.append(timestamp=None, key=key, value=value, headers=named) is None:
            batch = filling[place] = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value, headers=named)
            cut.append((*place, batch))
    return cut
