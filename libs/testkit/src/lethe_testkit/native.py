"""Lethe's side of a Kafka-native processor, on topics of one test."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from lethe_events import Envelope, TaskAcknowledged, TaskRequested, decode, encode
from lethe_events.words import Right, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lethe_events import Received

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NAMESPACE = UUID("00000000-0000-4000-8000-000000000000")


class NativeKafka:
    """Topics of one test alone, and Lethe's side of them: ask tasks, read what was acknowledged."""

    def __init__(self, bootstrap: str, unique: str) -> None:
        self.bootstrap = bootstrap
        self.processor = f"warehouse-{unique}"
        self.tasks = f"dsr.tasks.{self.processor}"
        self.acks = f"dsr.acks.{unique}"
        self.events = f"subject.events.{unique}"

    @property
    def topics(self) -> list[str]:
        return [self.tasks, self.acks, self.events]

    async def create(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(name, 4, 1) for name in self.topics])
        await admin.close()

    async def delete(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.delete_topics(self.topics)
        await admin.close()

    async def ask(self, *tasks: TaskRequested) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5)
        await producer.start()
        sent = []
        for task in tasks:
            envelope = Envelope(
                id=uuid5(task.task_id, str(task.attempt)),
                source="/orchestrator",
                time=NOW,
                correlation_id=task.dsr_id,
                causation_id=None,
            )
            record = encode(self.tasks, str(task.dsr_id), task, envelope)
            sent.append(await producer.send(record.topic, record.value, record.key, headers=list(record.headers)))
        await asyncio.gather(*sent)
        await producer.stop()

    def task(self, n: int, verb: Verb = Verb.ERASE, tokens: Sequence[str] = ("A" * 43,)) -> TaskRequested:
        dsr = uuid5(NAMESPACE, str(n))
        return TaskRequested(
            task_id=uuid5(dsr, verb),
            dsr_id=dsr,
            subject_ref=dsr,
            controller_id="acme",
            processor_id=self.processor,
            right=Right.ERASURE,
            verb=verb,
            register_version="0" * 64,
            due_at=NOW,
            subject_tokens=tuple(tokens),
        )

    async def read(self, topic: str, until: Callable[[list[Received]], bool], seconds: float = 20) -> list[Received]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        found: list[Received] = []
        try:
            async with asyncio.timeout(seconds):
                while not until(found):
                    batches = await consumer.getmany(timeout_ms=200)
                    found += [decode(r.headers, r.value) for records in batches.values() for r in records]
        finally:
            await consumer.stop()
        return found

    async def acknowledged(self, count: int, seconds: float = 20) -> list[TaskAcknowledged]:
        """All acks once there are some of `count` different tasks."""
        read = await self.read(
            self.acks, lambda found: len({r.envelope.correlation_id for r in found}) >= count, seconds
        )
        return [r.body for r in read if isinstance(r.body, TaskAcknowledged)]
