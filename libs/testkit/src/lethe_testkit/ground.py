"""Ground for tests of messaging: a database of its own, topics of its own, buses on both, and what came of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from prometheus_client import CollectorRegistry

from lethe_events import DsrStatus, Envelope, Record, encode
from lethe_events.topics import Topic
from lethe_events.words import SagaState
from lethe_messaging import Bus, KafkaSettings, Tuning, delete_topics, ensure_topics, migrate_messaging, read_all
from lethe_postgres import Database
from lethe_testkit.patience import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from lethe_messaging import Handler, Message, Work

_NAMESPACE = UUID("00000000-0000-4000-8000-00000000007e")
NOW = datetime(2026, 3, 5, 10, 15, tzinfo=UTC)
SCHEMA = "ground"
EFFECTS = """
CREATE TABLE effect (n integer NOT NULL, topic text NOT NULL, part integer NOT NULL, record_offset bigint NOT NULL,
                     by_instance uuid, at timestamptz NOT NULL DEFAULT clock_timestamp(), id bigserial)
"""


def topic_of(unique: str, name: str) -> Topic:
    return Topic(f"test.{unique}.{name}", "dsr_id", 3_600_000, ("lethe.dsr.status.v1",))


def status_of(topic: str, n: int) -> Record:
    """The n-th message: a status of a saga of its own, whose version is n + 1."""
    dsr_id = uuid5(_NAMESPACE, str(n))
    body = DsrStatus(
        dsr_id=dsr_id,
        controller_id="acme",
        version=n + 1,
        state=SagaState.RECEIVED,
        at=NOW,
        due_strict=NOW,
        due_legal=NOW,
    )
    return encode(topic, str(dsr_id), body, Envelope(dsr_id, "test", NOW, dsr_id, None))


def number_of(message: Message) -> int:
    assert isinstance(message.received.body, DsrStatus)
    return message.received.body.version - 1


async def record_effects(work: Work, messages: Sequence[Message], instance: UUID | None = None) -> None:
    """One row per message, with nothing that would hide a double."""
    await work.tx.execute(
        "INSERT INTO effect (n, topic, part, record_offset, by_instance)"
        " SELECT *, $5 FROM unnest($1::int[], $2::text[], $3::int[], $4::bigint[])",
        [number_of(m) for m in messages],
        [m.topic for m in messages],
        [m.partition for m in messages],
        [m.offset for m in messages],
        instance,
    )


class Ground:
    """One test's engines. Buses that it started are stopped at the end."""

    def __init__(self, dsn: str, bootstrap: str, unique: str, database: Database) -> None:
        self.dsn = dsn
        self.unique = unique
        self.settings = KafkaSettings(bootstrap)
        self.database = database
        self.source = self.topic("source")
        self.target = self.topic("target")
        self._topics: set[str] = set()
        self._buses: list[Bus] = []
        self._databases: list[Database] = []

    def topic(self, name: str) -> Topic:
        return topic_of(self.unique, name)

    async def make(self, *topics: Topic, partitions: int = 4) -> None:
        self._topics |= {t.name for t in topics}
        await ensure_topics(self.settings, topics, partitions)

    async def bus(self, tuning: Tuning | None = None, database: Database | None = None) -> Bus:
        """A started bus with a pool of its own, as another process would have."""
        if database is None:
            database = await open_database(self.dsn)
            self._databases.append(database)
        bus = Bus(database, self.settings, service="ground", tuning=tuning, registry=CollectorRegistry())
        await bus.start()
        self._buses.append(bus)
        return bus

    @asynccontextmanager
    async def consuming(self, bus: Bus, subscriptions: Mapping[Topic, Handler]) -> AsyncIterator[None]:
        """Consume while inside, and stop gracefully; an error of `consume` comes out."""
        async with asyncio.TaskGroup() as group:
            group.create_task(bus.consume(subscriptions))
            try:
                yield
            finally:
                await bus.stop()

    async def send(self, bus: Bus, numbers: Sequence[int], topic: Topic | None = None) -> None:
        async with bus.work() as work:
            work.send([status_of((topic or self.source).name, n) for n in numbers])

    async def effects(self) -> list[int]:
        """Numbers of all effects, in order of happening."""
        return [row["n"] for row in await self.database.fetch("SELECT n FROM effect ORDER BY id")]

    async def expect_effects(self, numbers: Sequence[int], seconds: float = 20.0) -> None:
        """Wait until there are as many effects as `numbers`, then a moment for doubles, then compare."""
        await eventually(lambda: self._enough(len(numbers)), seconds)
        await asyncio.sleep(0.3)
        assert sorted(await self.effects()) == sorted(numbers)

    async def published(self, topic: Topic | None = None) -> list[Any]:
        return await read_all(self.settings, (topic or self.target).name)

    async def close(self) -> None:
        for bus in self._buses:
            await bus.stop()
        for database in self._databases:
            await database.close()
        await self.database.close()
        await delete_topics(self.settings, sorted(self._topics))

    async def _enough(self, count: int) -> bool:
        return bool(await self.database.fetchval("SELECT count(*) >= $1 FROM effect", count))


def fact(bus: Bus, name: str) -> Any:
    """One fact of what the bus consumes, from its health; None before it consumes."""
    consumer = bus.health()["consumer"]
    return consumer[name] if isinstance(consumer, dict) else None


def slots_of(bus: Bus) -> list[int]:
    """Slots that the bus owns now."""
    return list(fact(bus, "slots") or ())


async def open_database(dsn: str) -> Database:
    return await Database.connect(dsn, schema=SCHEMA, application_name="ground", min_size=1)


async def eventually(true: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> float:
    """Ask until it is true; the seconds it took. Raises AssertionError after `seconds`."""
    start = time.monotonic()
    patience = Patience(seconds)
    while not await true():
        if patience.over:
            raise AssertionError(f"not true within {seconds} s")
        await asyncio.sleep(0.02)
    return time.monotonic() - start


@asynccontextmanager
async def messaging_ground(dsn: str, bootstrap: str, unique: str) -> AsyncIterator[Ground]:
    """Tables of messaging and a table of effects in a new database."""
    database = await open_database(dsn)
    await migrate_messaging(database)
    await database.execute(EFFECTS)
    ground = Ground(dsn, bootstrap, unique, database)
    try:
        yield ground
    finally:
        await ground.close()
