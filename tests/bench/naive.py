"""What somebody would write first: one message, one transaction, one produce that is waited for.

The same saga as in W (one DSR, five processors, five acks, closed), fed straight from the bus. It does less than Lethe:
no HTTP, no sealed identifiers, no audit chain, no clock, no certificate, and what it publishes is lost if it dies
between commit and produce. Two partitions, as the stack; each part is a task of one process.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from lethe_events.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka import ConsumerRecord

PROCESSORS = ("p1", "p2", "p3", "p4", "p5")
TOPICS = ("naive.requests", "naive.tasks", "naive.acks", "naive.status")
PARTITIONS = 2
_SCHEMA = """
CREATE SCHEMA naive;
CREATE TABLE naive.saga (id uuid PRIMARY KEY, state text NOT NULL, body text NOT NULL, closed_at timestamptz);
CREATE TABLE naive.task (saga_id uuid NOT NULL, processor_id text NOT NULL, status text NOT NULL, ack text,
                         PRIMARY KEY (saga_id, processor_id));
"""


@dataclass(frozen=True)
class Naive:
    closed: int
    closed_per_second: float


class _Run:
    def __init__(self, bootstrap: str, dsn: str) -> None:
        self._bootstrap = bootstrap
        self._dsn = dsn
        self.closed: list[float] = []
        self.pool: asyncpg.Pool[asyncpg.Record]
        self.producer: AIOKafkaProducer

    async def open(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in TOPICS])
        await admin.close()
        self.pool = await asyncpg.create_pool(self._dsn, min_size=2, max_size=4)
        await self.pool.execute(_SCHEMA)
        self.producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
        await self.producer.start()

    async def close(self) -> None:
        await self.producer.stop()
        await self.pool.execute("DROP SCHEMA naive CASCADE")
        await self.pool.close()

    async def say(self, topic: str, key: str, body: dict[str, object]) -> None:
        await self.producer.send_and_wait(topic, json.dumps(body).encode(), key=key.encode())

    async def consume(self, topic: str, handle: Callable[[ConsumerRecord], Awaitable[None]]) -> None:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=self._bootstrap,
            group_id=topic,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            async for record in consumer:
                await handle(record)
                await consumer.commit()
        finally:
            await consumer.stop()

    async def on_request(self, record: ConsumerRecord) -> None:
        saga_id = json.loads(record.value)["id"]
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO naive.saga VALUES ($1, 'fulfilling', $2)", UUID(saga_id), record.value.decode()
            )
            for processor in PROCESSORS:
                await connection.execute("INSERT INTO naive.task VALUES ($1, $2, 'issued')", UUID(saga_id), processor)
        for processor in PROCESSORS:
            await self.say("naive.tasks", saga_id, {"id": saga_id, "processor": processor, "verb": "erase"})

    async def on_task(self, record: ConsumerRecord) -> None:
        task = json.loads(record.value)
        await self.say("naive.acks", task["id"], {**task, "outcome": "done"})

    async def on_ack(self, record: ConsumerRecord) -> None:
        ack = json.loads(record.value)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT FROM naive.saga WHERE id = $1 FOR UPDATE", UUID(ack["id"]))
            await connection.execute(
                "UPDATE naive.task SET status = 'done', ack = $3 WHERE saga_id = $1 AND processor_id = $2",
                UUID(ack["id"]),
                ack["processor"],
                record.value.decode(),
            )
            left = await connection.fetchval(
                "SELECT count(*) FROM naive.task WHERE saga_id = $1 AND status <> 'done'", UUID(ack["id"])
            )
            if left == 0:
                await connection.execute(
                    "UPDATE naive.saga SET state = 'closed', closed_at = now() WHERE id = $1", UUID(ack["id"])
                )
        if left == 0:
            await self.say("naive.status", ack["id"], {"id": ack["id"], "state": "closed"})
            self.closed.append(time.perf_counter())


async def measure(bootstrap: str, dsn: str, seconds: float = 12.0) -> Naive:
    """A backlog that does not run out, for so many seconds; the first two are not counted."""
    run = _Run(bootstrap, dsn)
    await run.open()
    try:
        for _ in range(int(seconds * 400)):
            saga_id = str(uuid7(datetime.now(UTC), os.urandom(10)))
            body = {"id": saga_id, "right": "erasure", "note": "x" * 900}
            await run.producer.send("naive.requests", json.dumps(body).encode(), key=saga_id.encode())
        await run.producer.flush()
        parts = {"naive.requests": run.on_request, "naive.tasks": run.on_task, "naive.acks": run.on_ack}
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run.consume(topic, handle)) for topic, handle in parts.items()]
            begun = time.perf_counter()
            await asyncio.sleep(seconds + 2)
            for task in tasks:
                task.cancel()
        counted = [at for at in run.closed if at - begun >= 2]
        return Naive(len(counted), round(len(counted) / seconds, 1))
    finally:
        await run.close()
