"""The adapter to the consumer: how long records wait at the broker can be changed while it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_messaging import KafkaSettings
from lethe_messaging.reader import Reader

if TYPE_CHECKING:
    from lethe_testkit.ground import Ground

GATHER = 1.5  # seconds


async def polled(reader: Reader, seconds: float) -> int:
    return sum(len(records) for records, _ in (await reader.poll(seconds)).values())


async def test_few_records_gather_at_the_broker_only_while_many_are_expected(
    ground: Ground, kafka_bootstrap: str
) -> None:
    bus = await ground.bus()
    await ground.send(bus, [0])
    reader = Reader(KafkaSettings(kafka_bootstrap), wait_s=GATHER)
    await reader.open()
    try:
        reader.assign({(ground.source.name, n): 0 for n in range(4)})
        assert await polled(reader, 10.0) == 1
        reader.expect(many=True)
        await polled(reader, 0.5)  # the fetch under way was asked for before
        await ground.send(bus, [1])
        assert await polled(reader, 0.3) == 0
        assert await polled(reader, 10.0) == 1
        reader.expect(many=False)
        await polled(reader, GATHER + 0.5)
        await ground.send(bus, [2])
        assert await polled(reader, GATHER * 0.8) == 1
    finally:
        await reader.close()
