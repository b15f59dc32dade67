"""A flood of security signals against the breach notifier: rate, CPU, lag, cases, clocks.

    LETHE_KAFKA=… LETHE_POSTGRES=… python tests/bench/signals.py --rate 10000 --seconds 60 [--kind hits]

Signals are put on a topic at a rate, open-loop, while the service runs as a process of its own. Meanwhile a processor's
notice arrives whose rungs have come, and a person looks at a case once a second. Without `--rate` they lie there
before it starts: as fast as it goes. CPU per signal is that of the service and of its connections in PostgreSQL.
"""

import argparse
import asyncio
import contextlib
import os
import random
import re
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import psutil
from aiokafka import AIOKafkaProducer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import machine  # noqa: E402

from lethe_events import Envelope, SecuritySignal, encode  # noqa: E402
from lethe_events.partitioner import partition_of  # noqa: E402
from lethe_events.topics import Topic  # noqa: E402
from lethe_events.words import Reporter  # noqa: E402
from lethe_messaging import KafkaSettings, delete_topics, ensure_topics  # noqa: E402
from lethe_testkit.breach_ground import PARTITIONS, BreachGround, a_report, breach_ground  # noqa: E402
from lethe_testkit.databases import Databases  # noqa: E402
from lethe_testkit.ground import eventually  # noqa: E402

KINDS = {
    # share of: failed logins, logins, signals that no rule counts, mass exports (each one a hit)
    "mixed": (45, 15, 30, 10),
    "logins": (70, 30, 0, 0),
    "hits": (0, 0, 0, 100),
    "burst": (90, 10, 0, 0),
}
FEW = {"burst": (8, 20)}  # assets, actors: one attack; others: 400 and 2,000
BUILD = 500  # signals in one batch of the producer
LAG = re.compile(r'^dsr_consumer_lag\{.*topic="[^"]*signals".*\} (\S+)$', re.MULTILINE)
TOLD_EVERY = 4  # looks
RUNGS = 3  # of the ladder, that have come after 61 hours


@dataclass
class Seen:
    """What was looked at a few times a second."""

    sent: int = 0
    told: float = 0.0
    lag: list[int] = field(default_factory=list)
    look_ms: list[float] = field(default_factory=list)
    postgres: dict[int, float] = field(default_factory=dict)


def flood(count: int, kind: str, late: float, seed: int = 7) -> list[SecuritySignal]:
    """Distinct signals of the last minute, out of order by up to `late` seconds; ids are random."""
    chance = random.Random(seed)
    rules = chance.choices(("login.failed", "login.succeeded", "net.scan", "export.mass"), KINDS[kind], k=count)
    assets, people = FEW.get(kind, (400, 2000))
    actors = [secrets.token_urlsafe(32) for _ in range(people)]
    span, now = timedelta(seconds=60), datetime.now(UTC)
    return [
        SecuritySignal(
            signal_id=UUID(int=chance.getrandbits(128)),
            controller_id="acme",
            source="siem",
            rule=rule,
            asset=f"shop/{chance.randrange(assets)}",
            at=now - span * (1 - n / count) - timedelta(seconds=chance.uniform(0, late)),
            severity=2,
            actor=chance.choice(actors),
        )
        for n, rule in enumerate(rules)
    ]


def batches(producer: AIOKafkaProducer, topic: str, signals: list[SecuritySignal]) -> list[tuple[int, object, int]]:
    """Encoded and compressed before the clock runs: on a real machine the sources do that elsewhere."""
    waiting: dict[int, list[SecuritySignal]] = {n: [] for n in range(PARTITIONS)}
    made = []
    for signal in signals:
        partition = partition_of(signal.asset.encode(), PARTITIONS)
        waiting[partition].append(signal)
        if len(waiting[partition]) == BUILD:
            made.append((partition, _batch(producer, topic, waiting[partition]), BUILD))
            waiting[partition] = []
    made += [(n, _batch(producer, topic, rest), len(rest)) for n, rest in waiting.items() if rest]
    return made


def _batch(producer: AIOKafkaProducer, topic: str, signals: list[SecuritySignal]) -> object:
    batch = producer.create_batch()
    for signal in signals:
        id_ = signal.signal_id
        record = encode(topic, signal.asset, signal, Envelope(id_, "/bench", signal.at, id_, None))
        added = batch.append(
            key=record.key, value=record.value, timestamp=int(time.time() * 1000), headers=list(record.headers)
        )
        assert added is not None, "a batch of the producer is full"
    batch.close()
    return batch


async def pour(
    producer: AIOKafkaProducer, topic: str, made: list[tuple[int, object, int]], rate: float | None, seen: Seen
) -> None:
    """Send at a rate (None: as fast as the broker takes them)."""
    began = time.monotonic()
    acknowledged = []
    for partition, batch, size in made:
        if rate is not None:
            await asyncio.sleep(max(0.0, began + seen.sent / rate - time.monotonic()))
        acknowledged.append(await producer.send_batch(batch, topic, partition=partition))
        seen.sent += size
    await asyncio.gather(*acknowledged)


async def watch(ground: BreachGround, url: str, total: int, seen: Seen) -> None:
    """Until everything is taken: lag, the CPU of the service's connections, and how long a person's look takes."""
    sql = "SELECT coalesce(sum(next_offset), 0)::bigint AS n FROM consumer_offset WHERE topic = $1"
    async with httpx.AsyncClient(base_url=url, headers=ground.auth(), timeout=30) as client:
        while True:
            begun = time.monotonic()
            (await client.get("/v1/breaches")).raise_for_status()
            seen.look_ms.append((time.monotonic() - begun) * 1000)
            for row in await ground.fetch("SELECT pid FROM pg_stat_activity WHERE usename = $1", ground.role):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = psutil.Process(row["pid"]).cpu_times()
                    seen.postgres[row["pid"]] = times.user + times.system
            if len(seen.lag) % TOLD_EVERY == 0:
                told = (await client.get("/metrics")).text
                seen.told = max(seen.told, sum(float(n) for n in LAG.findall(told)))
            taken = (await ground.fetch(sql, ground.topics.signals.name))[0]["n"]
            seen.lag.append(max(0, seen.sent - taken))
            if taken >= total:
                return
            await asyncio.sleep(max(0.0, 0.25 - (time.monotonic() - begun)))


async def rung(ground: BreachGround, dsn: str, after: float) -> float:
    """A processor's notice of 61 hours ago, in the middle of the flood: seconds until its three rungs have rung."""
    await asyncio.sleep(after)
    arrived = datetime.now(UTC) - timedelta(hours=61)
    begun = time.monotonic()
    await ground.send([a_report(Reporter.PROCESSOR, processor_id="cloudmail", accepted_at=arrived)])
    connection = await asyncpg.connect(dsn)

    async def rang() -> bool:
        sql = "SELECT count(*) FROM breach_notifier.case_event WHERE content LIKE $1"
        return bool(await connection.fetchval(sql, '%"kind":"rung_due"%') == RUNGS)

    await eventually(rang, 600)
    await connection.close()
    return time.monotonic() - begun


async def measure(options: argparse.Namespace, dsn: str, directory: Path, unique: str) -> None:
    total = int(options.rate * options.seconds) if options.rate else options.signals
    async with breach_ground(dsn, os.environ["LETHE_KAFKA"], unique, directory) as ground:
        topic = ground.topics.signals.name
        producer = AIOKafkaProducer(
            bootstrap_servers=ground.kafka.bootstrap, acks="all", compression_type="lz4", max_batch_size=1 << 19
        )
        await producer.start()
        made = batches(producer, topic, flood(total, options.kind, options.late))
        seen = Seen()
        if not options.rate:
            await pour(producer, topic, made, None, seen)
        service = await ground.start()
        url = f"http://127.0.0.1:{await service.port()}"
        begun, cpu = time.monotonic(), service.cpu_seconds()
        try:
            async with asyncio.TaskGroup() as group:
                if options.rate:
                    group.create_task(pour(producer, topic, made, options.rate, seen))
                group.create_task(watch(ground, url, total, seen))
                late = group.create_task(rung(ground, dsn, options.seconds / 2 if options.rate else 0.5))
                if options.profile:
                    group.create_task(profiled(options.profile, service.pid))
            took = time.monotonic() - begun
            await tell(ground, service.cpu_seconds() - cpu, total, took, seen)
            print(f"the rungs of a clock rang {late.result():.2f} s after its notice was sent")
        finally:
            await producer.stop()
            await service.terminate()


async def profiled(command: str, pid: int) -> None:
    process = await asyncio.create_subprocess_exec(*command.split(), "--pid", str(pid))
    await process.wait()


async def tell(ground: BreachGround, cpu: float, total: int, took: float, seen: Seen) -> None:
    stored = (await ground.fetch("SELECT count(*) FROM signal"))[0][0]
    cases = (await ground.fetch("SELECT count(*) FROM incident"))[0][0]
    hits = (await ground.fetch("SELECT coalesce(sum(hits), 0)::bigint FROM incident"))[0][0]
    per = 1000 / total
    postgres = sum(seen.postgres.values())
    print(f"{total} signals in {took:.1f} s: {total / took:.0f}/s; stored {stored}, {hits} hits, {cases} incidents")
    looks = sorted(seen.look_ms)
    print(f"CPU ms per 1,000 signals: service {1000 * cpu * per:.1f}, PostgreSQL {1000 * postgres * per:.1f}")
    print(f"lag at most {max(seen.lag)}, as its metric told {seen.told:.0f}")
    print(f"a person's look took {looks[len(looks) // 2]:.0f} ms (median), {looks[-1]:.0f} ms (most)")
    if stored != total:
        raise SystemExit(f"{total - stored} signals were lost")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, help="signals a second; left out: as fast as it goes")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--signals", type=int, default=100_000, help="without --rate: how many lie there")
    parser.add_argument("--kind", choices=sorted(KINDS), default="mixed")
    parser.add_argument("--late", type=float, default=2.0, help="seconds by which signals are out of order")
    parser.add_argument("--limits", action="store_true", help="measure what the machine gives before")
    parser.add_argument("--profile", help="a command that is given --pid of the service")
    options = parser.parse_args()
    databases = Databases(os.environ["LETHE_POSTGRES"])
    unique = secrets.token_hex(4)
    dsn = await databases.create(f"lethe_signals_{unique}")
    try:
        if options.limits:
            topic = Topic(f"bench.{unique}", "n", 3_600_000, ())
            kafka = KafkaSettings(os.environ["LETHE_KAFKA"])
            await ensure_topics(kafka, [topic], 1)
            found = await machine.measure(kafka.bootstrap, dsn, topic.name)
            await delete_topics(kafka, [topic.name])
            print("; ".join(f"{name} {value}" for name, value in found.as_rows()))
        with tempfile.TemporaryDirectory() as directory:
            await measure(options, dsn, Path(directory), unique)
    finally:
        await databases.drop(f"lethe_signals_{unique}")


if __name__ == "__main__":
    asyncio.run(main())
