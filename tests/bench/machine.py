"""What this machine gives, measured in the same run as the workloads: figures mean little without it."""

import asyncio
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict, dataclass

import asyncpg
from aiokafka import AIOKafkaProducer

SECONDS = 3.0


@dataclass(frozen=True)
class Limits:
    """All per second, higher is faster."""

    cores: int
    python: str
    json_round_trips: int
    """json.loads(json.dumps(…)) of a 1 KB object, one core."""
    fsyncs: int
    """4 KiB appends with fsync, one file."""
    commits_1: int
    """Single-row INSERT transactions in PostgreSQL, one connection, synchronous_commit on."""
    commits_16: int
    produced_1kb: int
    """1 KB messages with acks=all, idempotent, lz4, one producer."""

    def as_rows(self) -> list[tuple[str, str]]:
        return [(k.replace("_", " "), f"{v:,}" if isinstance(v, int) else v) for k, v in asdict(self).items()]


def _json_round_trips() -> int:
    value = {f"field_{i}": "x" * 40 for i in range(20)}
    end, n = time.perf_counter() + SECONDS, 0
    while time.perf_counter() < end:
        json.loads(json.dumps(value))
        n += 1
    return int(n / SECONDS)


def _fsyncs() -> int:
    with tempfile.NamedTemporaryFile(dir=".") as file:
        end, n = time.perf_counter() + SECONDS, 0
        while time.perf_counter() < end:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            n += 1
    return int(n / SECONDS)


async def _commits(dsn: str, connections: int) -> int:
    pool = await asyncpg.create_pool(dsn, min_size=connections, max_size=connections)
    await pool.execute("CREATE TABLE IF NOT EXISTS bench_commit (id bigint GENERATED ALWAYS AS IDENTITY, v text)")
    end = time.perf_counter() + SECONDS

    async def one() -> int:
        n = 0
        async with pool.acquire() as connection:
            while time.perf_counter() < end:
                await connection.execute("INSERT INTO bench_commit (v) VALUES ('x')")
                n += 1
        return n

    counts = await asyncio.gather(*(one() for _ in range(connections)))
    await pool.execute("DROP TABLE bench_commit")
    await pool.close()
    return int(sum(counts) / SECONDS)


async def _produced(bootstrap: str, topic: str) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        compression_type="lz4",
        max_batch_size=1 << 18,
    )
    await producer.start()
    value = os.urandom(512).hex().encode()
    end, n = time.perf_counter() + SECONDS, 0
    while time.perf_counter() < end:
        await asyncio.gather(*[await producer.send(topic, value, key=str(i).encode()) for i in range(1000)])
        n += 1000
    await producer.stop()
    return int(n / SECONDS)


async def measure(bootstrap: str, dsn: str, topic: str) -> Limits:
    """About 15 seconds with nothing else running. `topic` must exist."""
    return Limits(
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        json_round_trips=_json_round_trips(),
        fsyncs=_fsyncs(),
        commits_1=await _commits(dsn, 1),
        commits_16=await _commits(dsn, 16),
        produced_1kb=await _produced(bootstrap, topic),
    )
