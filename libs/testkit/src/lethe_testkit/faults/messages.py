"""What a bus that delivers at least once, in no promised order and from anybody, may bring."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from lethe_events import TaskAcknowledged, decode, encode
from lethe_events.ids import message_id
from lethe_events.topics import ACKS, REQUESTS, STATUS, TASKS_ERASURE, TASKS_EXPORT, tasks_of
from lethe_events.words import Outcome
from lethe_messaging import KafkaSettings
from lethe_messaging.admin import read_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_testkit.faults.field import Field
    from lethe_testkit.history.model import Place

TOPICS = (REQUESTS.name, TASKS_ERASURE.name, TASKS_EXPORT.name, tasks_of("warehouse").name, ACKS.name, STATUS.name)
_RECENT = 150


async def duplicate(field: Field) -> Counter[str]:
    """Copies of what is on its way, while it is."""
    sent = 0
    for _ in range(4):
        await asyncio.sleep(0.6)
        for topic in TOPICS:
            recent = (await _read(field, topic))[-_RECENT:]
            sent += len(await publish(field, [r for r in recent if field.chance.random() < 0.5]))
    return Counter({"copies": sent})


async def reorder(field: Field) -> Counter[str]:
    """Everything of the last sagas once more, shuffled: acks before questions, closings before beginnings."""
    records = [r for topic in TOPICS for r in (await _read(field, topic))[-_RECENT:]]
    field.chance.shuffle(records)
    return Counter({"copies": len(await publish(field, records))})


async def late_answers(field: Field) -> Counter[str]:
    """The last answers again as copies, and as new messages that contradict them."""
    copies, others = [], []
    for record in (await _read(field, ACKS.name))[-60:]:
        received = decode(record.headers, record.value)
        ack = received.body
        if not isinstance(ack, TaskAcknowledged):
            continue
        copies.append(record)
        other = msgspec.structs.replace(ack, outcome=Outcome.NOTHING_FOUND, counts=(), retained=(), part=None)
        envelope = received.envelope._replace(id=message_id(ack.task_id, ack.attempt, 7))
        others.append(encode(ACKS.name, str(ack.dsr_id), other, envelope))
    sent = len(await publish(field, copies))
    forged = await publish(field, others)
    field.seen.forged |= forged
    field.seen.refusable |= forged
    return Counter({"copies": sent, "contradictions": len(forged)})


async def garbage(field: Field) -> Counter[str]:
    """Nothing that anybody could read, on every topic that a service consumes."""
    spoiled: set[Place] = set()
    for topic in (REQUESTS.name, TASKS_ERASURE.name, TASKS_EXPORT.name, ACKS.name, STATUS.name):
        original = (await _read(field, topic))[-1:]
        bodies = [b"", b"{", b"\xff\xfe", b"[]", b"null"]
        spoiled |= await publish(field, [_Raw(topic, b"garbage", body, ()) for body in bodies])
        spoiled |= await publish(field, [_Raw(topic, r.key, r.value[:-9], r.headers) for r in original])
    field.seen.forged |= spoiled
    field.seen.undecodable |= spoiled
    return Counter({"unreadable": len(spoiled)})


class _Raw(msgspec.Struct, frozen=True):
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Any


async def _read(field: Field, topic: str) -> Sequence[Any]:
    """The genuine records of a topic."""
    records = await read_all(KafkaSettings(field.stack.kafka), topic)
    genuine = [r for r in records if (r.topic, r.partition, r.offset) not in field.seen.forged]
    return sorted(genuine, key=lambda r: r.timestamp)


async def publish(field: Field, records: Sequence[Any]) -> set[Place]:
    """Put these on their topics, by the partition of their key; gives where they came to lie."""
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=field.stack.kafka, linger_ms=5)
    await producer.start()
    try:
        sent = [await producer.send(r.topic, r.value, r.key, headers=list(r.headers)) for r in records]
        places = await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return {(place.topic, place.partition, place.offset) for place in places}
