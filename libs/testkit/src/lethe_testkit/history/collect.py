"""A history from what a real stack left: the tables of its services, the topics, and the processors' own books."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import asyncpg
from aiokafka.errors import KafkaError

from lethe_events import ContractError, TaskAcknowledged, TaskRequested, decode
from lethe_events.topics import ACKS, TASKS_ERASURE, TASKS_EXPORT, tasks_of
from lethe_messaging import KafkaSettings
from lethe_messaging.admin import read_all
from lethe_postgres import Database
from lethe_testkit.history.model import (
    Accepted,
    AckEnd,
    Answered,
    Asked,
    Backlog,
    ChainLink,
    Effect,
    History,
    IncidentEnd,
    SagaEnd,
    TaskEnd,
    TimerEnd,
)
from lethe_testkit.patience import Patience
from orchestrator.adapters.packing import content_of
from orchestrator.adapters.registers import PostgresRegisters
from orchestrator.adapters.store import PostgresSagas
from orchestrator.domain.timers import next_moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from uuid import UUID

    from lethe_postgres import Tx
    from lethe_testkit.faults.books import Gone
    from lethe_testkit.history.model import Id, Place
    from lethe_testkit.stack import Stack

SERVICES = ("intake", "orchestrator", "erasure_worker", "export_worker")
WORKERS = ("erasure_worker", "export_worker")
NATIVE = "warehouse"
_PAGE = 500
_TRIES = 20
AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What a question to PostgreSQL may raise while it is killed."""
LOOK_AGAIN = (*AWAY, KafkaError)
"""A saga moved on while one looked, or the machine stood still for longer than a client waits."""
_LASTS = 25.0  # seconds; a relay takes what a writer forgot after ten

_SAGAS = """
SELECT s.id, s.state, s.closed_at, s.answered_at, s.shredded_at, s.audit_seq, s.audit_head, s.alerts,
       f."right" = 'erasure' AS erases, f.export_first OR f."right" = 'access' AS needs_package,
       encode(d.idempotency_key, 'hex') AS submission
FROM orchestrator.saga s JOIN orchestrator.saga_fact f USING (id) LEFT JOIN intake.dsr d ON d.dsr_id = s.id
"""
_OUTBOX = "SELECT count(*) FROM {}.outbox"
_QUEUE = "SELECT processor_id, count(*) AS n FROM {}.job WHERE state <> 'settled' GROUP BY 1"
_OFFSETS = "SELECT topic, part, next_offset FROM {}.consumer_offset"
_PARKED = "SELECT topic, part, record_offset FROM {}.parked_message"


@dataclass(slots=True)
class Seen:
    """What only whoever drove the run knows.

    `emails`: DSR → the person's address. `tokens`: subject token → DSR. `gone`: the
    books of processors. `forged`: records that the run itself put on topics in another's name; `undecodable` and
    `refusable`: which of them no handler can, or needs to, take.
    """

    accepted: list[Accepted] = field(default_factory=list)
    emails: dict[Id, str] = field(default_factory=dict)
    tokens: dict[str, Id] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    observes: frozenset[str] = frozenset()
    forged: set[Place] = field(default_factory=set)
    undecodable: set[Place] = field(default_factory=set)
    refusable: set[Place] = field(default_factory=set)


async def collect(stack: Stack, seen: Seen, *, retention: timedelta = timedelta(days=30)) -> History:
    """Everything the checker judges. The stack is healed and has come to rest. `retention`: as the stack is set."""
    database = await Database.connect(
        stack.database(), schema="orchestrator", min_size=1, max_size=1, application_name="collector"
    )
    try:
        for _ in range(_TRIES):
            try:
                return await _collect(stack, database, seen, retention)
            except LOOK_AGAIN:
                await asyncio.sleep(0.2)
        raise TimeoutError("the stack does not come to rest: sagas change whenever they are looked at")
    finally:
        await database.close()


async def _collect(stack: Stack, database: Database, seen: Seen, retention: timedelta) -> History:
    """All tables as of one instant: retention ends and sagas are shredded while one looks."""
    records = await _records(stack)
    left = await _lasting(stack, database)
    async with database.pool.acquire() as tx, tx.transaction(isolation="repeatable_read"):
        await tx.execute("SET LOCAL search_path = orchestrator")
        tasks = await tx.fetch("SELECT * FROM orchestrator.task")
        unverifiable = await _unverifiable(tx)
        return History(
            ended_at=await tx.fetchval("SELECT clock_timestamp()"),
            accepted=tuple(seen.accepted),
            sagas=tuple(_saga(row) for row in await tx.fetch(_SAGAS)),
            tasks=tuple(_task(row, unverifiable) for row in tasks),
            asked=tuple(_asked(records, seen)),
            effects=tuple(_effects(tasks, seen)),
            observes_effects=seen.observes,
            answered=tuple(_answered(records, seen)),
            acks=tuple(
                AckEnd(r["saga_id"], r["task_id"], r["attempt"], r["promise"], r["message_id"], r["at"])
                for r in await tx.fetch("SELECT * FROM orchestrator.ack")
            ),
            links=tuple(
                _link(r) for r in await tx.fetch("SELECT * FROM orchestrator.audit_event ORDER BY saga_id, seq")
            ),
            incidents=tuple(
                IncidentEnd(r["id"], r["saga_id"], r["code"], r["opened_at"], r["resolved_at"])
                for r in await tx.fetch("SELECT * FROM orchestrator.incident")
            ),
            timers=tuple(await _timers(tx, database, retention)),
            backlog=tuple(left),
            undecodable=frozenset(seen.undecodable),
            refusable=frozenset(seen.refusable),
            parked=frozenset(await _parked(tx)),
        )


async def _lasting(stack: Stack, database: Database) -> list[Backlog]:
    """What is left whenever one looks. The audit log is sealed every few seconds, and each seal passes the outbox."""
    patience = Patience(_LASTS)
    lasting = await backlog(stack, database)
    while any(each.size for each in lasting) and not patience.over:
        await asyncio.sleep(0.2)
        lasting = smaller(lasting, await backlog(stack, database))
    return lasting


def smaller(before: Sequence[Backlog], now: Sequence[Backlog]) -> list[Backlog]:
    """Of each place what was there at both looks, at most; a queue that is empty is not told of."""
    sizes = {(each.what, each.where): each.size for each in now}
    return [Backlog(e.what, e.where, min(e.size, sizes.get((e.what, e.where), 0))) for e in before]


async def backlog(stack: Stack, database: Database) -> list[Backlog]:
    """What is left to do now: outboxes, partitions, queues."""
    read = {service: await database.fetch(_OFFSETS.format(service)) for service in SERVICES}
    ends = await _ends(stack, {(row["topic"], row["part"]) for rows in read.values() for row in rows})
    left = [Backlog("outbox", name, await database.fetchval(_OUTBOX.format(name))) for name in SERVICES]
    for service, rows in read.items():
        for row in rows:
            behind = ends[row["topic"], row["part"]] - row["next_offset"]
            left.append(Backlog("lag", f"{service} {row['topic']}/{row['part']}", behind))
    for worker in WORKERS:
        left += [Backlog("queue", r["processor_id"], r["n"]) for r in await database.fetch(_QUEUE.format(worker))]
    return left


async def _ends(stack: Stack, parts: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(**KafkaSettings(stack.kafka).client_options())
    await consumer.start()
    try:
        found = await consumer.end_offsets([TopicPartition(*part) for part in parts])
        return {(part.topic, part.partition): end for part, end in found.items()}
    finally:
        await consumer.stop()


async def _records(stack: Stack) -> Sequence[Any]:
    settings = KafkaSettings(stack.kafka)
    topics = [TASKS_ERASURE.name, TASKS_EXPORT.name, tasks_of(NATIVE).name, ACKS.name]
    return [record for topic in topics for record in await read_all(settings, topic)]


async def _unverifiable(tx: Tx) -> set[tuple[int, str]]:
    rows = await tx.fetch("SELECT id, content FROM orchestrator.register_version")
    return {
        (row["id"], name)
        for row in rows
        for name, entry in row["content"]["processors"].items()
        if entry["verification"]["excepted"] is not None
    }


async def _timers(tx: Tx, database: Database, retention: timedelta) -> list[TimerEnd]:
    armed = {r["saga_id"]: r["due_at"] for r in await tx.fetch("SELECT saga_id, due_at FROM orchestrator.timer")}
    ids = [r["id"] for r in await tx.fetch("SELECT id FROM orchestrator.saga ORDER BY id")]
    store = PostgresSagas(database, PostgresRegisters())
    found = []
    for start in range(0, len(ids), _PAGE):
        loaded = await store.load(tx, ids[start : start + _PAGE])
        for saga_id, entry in loaded.entries.items():
            assert entry.saga is not None, "it has a row"
            moment = next_moment(entry.saga, retention)
            found.append(TimerEnd(saga_id, armed.get(saga_id), None if moment is None else moment.due_at))
    return found


async def _parked(tx: Tx) -> set[Place]:
    return {
        (row["topic"], row["part"], row["record_offset"])
        for service in SERVICES
        for row in await tx.fetch(_PARKED.format(service))
    }


def _saga(row: Any) -> SagaEnd:
    return SagaEnd(
        id=row["id"],
        state=row["state"],
        closed_at=row["closed_at"],
        answered_at=row["answered_at"],
        shredded_at=row["shredded_at"],
        audit_seq=row["audit_seq"],
        audit_head=row["audit_head"].hex(),
        alerts=tuple(row["alerts"]),
        erases=row["erases"],
        needs_package=row["needs_package"],
        submission=row["submission"],
    )


def _task(row: Any, unverifiable: set[tuple[int, str]]) -> TaskEnd:
    exception = json.loads(row["exception"]) if row["exception"] else {}
    return TaskEnd(
        saga_id=row["saga_id"],
        task_id=row["id"],
        processor_id=row["processor_id"],
        verb=row["verb"],
        round=row["round"],
        status=row["status"],
        attempt=row["attempt"],
        answered=row["answered"],
        outcome=json.loads(row["answer"])["outcome"] if row["answer"] else None,
        settled_at=row["settled_at"],
        due_at=row["due_at"],
        ground=exception.get("ground"),
        excepted_at=_instant(exception.get("at")),
        unverifiable=(row["register_id"], row["processor_id"]) in unverifiable,
    )


def _link(row: Any) -> ChainLink:
    text = content_of(row)
    content = json.loads(text)
    event = content["event"]
    rung = event.get("rung")
    return ChainLink(
        saga_id=row["saga_id"],
        seq=row["seq"],
        hash=row["hash"].hex(),
        content=text,
        kind=content["kind"],
        at=datetime.fromisoformat(content["at"]),
        state=content.get("effect", {}).get("state"),
        due_at=_instant(event.get("due_at")),
        subject=event.get("task") if rung is None else str(rung),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _bodies(records: Sequence[Any], seen: Seen) -> Iterator[tuple[Any, Any]]:
    for record in records:
        if (record.topic, record.partition, record.offset) in seen.forged:
            continue
        try:
            received = decode(record.headers, record.value)
        except ContractError:
            continue
        yield record, received


def _asked(records: Sequence[Any], seen: Seen) -> Iterator[Asked]:
    for _, received in _bodies(records, seen):
        body = received.body
        if isinstance(body, TaskRequested):
            yield Asked(body.dsr_id, body.task_id, body.processor_id, body.attempt, received.envelope.time)


def _answered(records: Sequence[Any], seen: Seen) -> Iterator[Answered]:
    """Of Lethe's own workers, which promise the same bytes each time.

    A Kafka-native processor that was killed before it moved on does its idempotent work again and answers from what
    it then finds; that only one of its answers counts, is judged by the rows of `ack`.
    """
    for record, received in _bodies(records, seen):
        body = received.body
        if isinstance(body, TaskAcknowledged) and body.processor_id != NATIVE:
            digest = sha256(record.value).hexdigest()
            yield Answered(body.dsr_id, body.task_id, body.attempt, body.outcome.value == "accepted", digest)


def _effects(tasks: Sequence[Any], seen: Seen) -> Iterator[Effect]:
    """Who vanished from a processor's books, as an effect of the first erasure that a saga asked of it."""
    first: dict[tuple[str, str], tuple[UUID, UUID]] = {}
    tokens: defaultdict[Id, list[str]] = defaultdict(list)
    for token, saga_id in seen.tokens.items():
        tokens[saga_id].append(token)
    by_round = sorted((t for t in tasks if t["verb"] == "erase"), key=lambda t: t["round"])
    for task in by_round:
        email = seen.emails.get(task["saga_id"])
        names = [] if email is None else [email.lower()]
        for name in (*names, *tokens.get(task["saga_id"], ())):
            first.setdefault((task["processor_id"], name), (task["saga_id"], task["id"]))
    told: set[tuple[str, UUID, object]] = set()
    for gone in seen.gone:
        found = first.get((gone.processor_id, gone.known_by))
        if found is None or (gone.processor_id, found[1], gone.at) in told:
            continue
        told.add((gone.processor_id, found[1], gone.at))  # an account is noted under each of its tokens
        yield Effect(found[0], gone.processor_id, found[1], gone.at)
