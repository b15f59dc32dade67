"""What one saga costs the orchestrator: handlers against a real PostgreSQL, without Kafka.

    LETHE_POSTGRES=postgresql://… .venv/bin/python tests/bench/saga_handlers.py [--sagas 5000] [--batch 500]
        [--right access|erasure] [--processors 4] [--native] [--verified] [--open] [--profile]

Messages are decoded, handled in batches of one transaction each and encoded as in the running service; what would be
published goes into a list. Prints microseconds of Python per event and per saga, and closed sagas a second.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import lethe_events as wire
from lethe_events.ids import uuid7
from lethe_events.words import Channel, Grade, Method, Outcome, Right, Verb
from lethe_law import load_calendars
from lethe_messaging import Message, Work
from lethe_postgres import Database, migrate
from orchestrator.adapters.registers import PostgresRegisters
from orchestrator.adapters.signing import Ed25519Signer
from orchestrator.adapters.store import PostgresSagas
from orchestrator.application.messages import Messages
from orchestrator.application.office import Office
from orchestrator.application.take import Take
from orchestrator.application.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

NOW = datetime.now(UTC)
PART = wire.ExportPart(document_id=UUID(int=7), sha256="c" * 64, size=1024, records=12)
COUNTS = (wire.Count(collection="orders", method=Method.ERASED, rows=4),)


class NoVault:
    async def subject_tokens(self, ids: Sequence[UUID], processors: Any) -> dict[Any, Any]:
        return {(i, p): ("t" * 43,) for i in ids for p in processors[i]}

    async def shred(self, ids: Sequence[UUID]) -> int:
        return len(ids)


class NoMeters:
    def ack(self, _: object) -> None: ...
    def saved(self, _: object) -> None: ...
    def fired(self, _: float) -> None: ...
    def escalated(self, _: str) -> None: ...


def register(count: int, *, native: bool, verified: bool) -> dict[str, object]:
    excepted = {"ground": "cannot_be_reread", "article": "GDPR Art. 5(2)", "reason": "bench"}

    def described(name: str) -> dict[str, object]:
        return {
            "processor": name,
            "controllers": ["acme"],
            "connector": {"kind": "kafka" if native else "sql"},
            "capabilities": {"verbs": ["export", "erase", "verify"], "deletion_lag": "PT0S"},
            "after": [],
            "identities": ["email"],
            "verification": {"excepted": None if verified else excepted},
            "ack_within": "PT15M",
            "retries": {"max_attempts": 6, "first": "PT2S", "factor": 2.0, "max": "PT5M"},
        }

    return {"processors": {f"processor-{n}": described(f"processor-{n}") for n in range(count)}}


def received(right: Right) -> wire.Record:
    dsr_id = uuid7(NOW, secrets.token_bytes(10))
    body = wire.DsrReceived(
        dsr_id=dsr_id,
        subject_ref=uuid7(NOW, secrets.token_bytes(10)),
        controller_id="acme",
        right=right,
        received_at=NOW,
        accepted_at=NOW,
        channel=Channel.WEB_FORM,
        country="DE",
        identity="controller_session",
        identifier_kinds=("email",),
    )
    return wire.encode("dsr.requests", str(dsr_id), body, wire.Envelope(dsr_id, "/bench", NOW, dsr_id, None))


def answered(record: wire.Record) -> wire.Record:
    task = wire.decode(record.headers, record.value).body
    assert isinstance(task, wire.TaskRequested)
    body = wire.TaskAcknowledged(
        task_id=task.task_id,
        dsr_id=task.dsr_id,
        controller_id=task.controller_id,
        processor_id=task.processor_id,
        verb=task.verb,
        attempt=task.attempt,
        outcome=Outcome.NOTHING_FOUND if task.verb is Verb.VERIFY else Outcome.DONE,
        grade=Grade.REREAD_ABSENT if task.verb is Verb.VERIFY else Grade.CONFIRMED_BY_API,
        at=NOW,
        counts=() if task.verb in {Verb.VERIFY, Verb.PACKAGE} else COUNTS,
        part=PART if task.verb in {Verb.EXPORT, Verb.PACKAGE} else None,
        evidence=(wire.Evidence(kind="reread", sha256="d" * 64),) if task.verb is Verb.VERIFY else (),
    )
    return wire.encode(
        "dsr.acks",
        str(task.dsr_id),
        body,
        wire.Envelope(uuid7(NOW, secrets.token_bytes(10)), "/b", NOW, task.dsr_id, None),
    )


class Bench:
    def __init__(self, database: Database, take: Take) -> None:
        self.database = database
        self.take = take
        self.sent: list[wire.Record] = []
        self.wall = self.cpu = 0.0
        self.events = 0

    async def run(
        self, handle: Callable[[Work, Sequence[Message]], Awaitable[None]], records: Sequence[wire.Record]
    ) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        messages = [
            Message(r.topic, 0, n, wire.decode(r.headers, r.value), r.headers, r.key, r.value)
            for n, r in enumerate(records)
        ]
        async with self.database.transaction() as tx:
            work = Work(tx)
            await handle(work, messages)
        for callback in work.callbacks:
            callback()
        assert not work.parked, work.parked[0].detail
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        self.events += len(records)
        self.sent += work.records


async def main(options: argparse.Namespace) -> None:
    admin_dsn = os.environ["LETHE_POSTGRES"]
    name = f"lethe_sagabench_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    database = await Database.connect(
        f"{admin_dsn.rsplit('/', 1)[0]}/{name}", schema="orchestrator", application_name="bench"
    )
    try:
        await migrate(database, "orchestrator.adapters")
        await measure(database, options)
    finally:
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def measure(database: Database, options: argparse.Namespace) -> None:
    load_calendars(NOW.year, ("DE",))
    registers = PostgresRegisters()
    async with database.transaction() as tx:
        await registers.bring_into_force(
            tx, "a" * 64, register(options.processors, native=options.native, verified=options.verified), "bench"
        )
    office = Office(
        store=PostgresSagas(database, registers),
        registers=registers,
        vault=NoVault(),
        messages=Messages(Topics()),
        signer=Ed25519Signer(Ed25519PrivateKey.generate()),
        retention=timedelta(days=30),
        meters=NoMeters(),
    )
    bench = Bench(database, Take(office))
    requests = [received(Right(options.right)) for _ in range(options.sagas)]
    profile = cProfile.Profile() if options.profile else None
    if profile:
        profile.enable()
    closed = 0
    # a moving window, as in the running service: new requests come in while acks of earlier ones do
    waiting: list[wire.Record] = []
    while requests or waiting or bench.sent:
        batch, requests = requests[: options.batch], requests[options.batch :]
        if batch:
            await bench.run(bench.take.requests, batch)
        if options.open:
            bench.sent = []
            continue
        for _ in range(options.backlog):
            closed += sum(b'"state":"closed"' in r.value for r in bench.sent if r.topic == "dsr.status")
            waiting += [answered(r) for r in bench.sent if r.topic != "dsr.status"]
            bench.sent = []
            acks, waiting = waiting[: options.batch], waiting[options.batch :]
            if acks:
                await bench.run(bench.take.acks, acks)
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    assert closed == (0 if options.open else options.sagas)
    if options.open:
        print("left open, so that what an open saga takes can be seen")
    print(f"{options.right}, {options.processors} processors, verified: {options.verified}, {options.batch} a batch:")
    print(f"  {closed} of {options.sagas} sagas closed")
    print(f"  {bench.cpu / bench.events * 1e6:.0f} µs Python per event, {bench.cpu / options.sagas * 1e6:.0f} per saga")
    print(f"  {options.sagas / bench.wall:.0f} sagas/s, {bench.events / bench.wall:.0f} events/s (one connection)")
    for row in await database.fetch(
        "SELECT relname, pg_total_relation_size(oid) / $1::float8 AS bytes FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'orchestrator'::regnamespace ORDER BY 2 DESC LIMIT 8",
        options.sagas,
    ):
        print(f"  {row['relname']:<16} {row['bytes']:.0f} bytes per saga")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sagas", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--right", default="access")
    parser.add_argument("--processors", type=int, default=4)
    parser.add_argument("--backlog", type=int, default=12)
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--verified", action="store_true")
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--profile", action="store_true")
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as the service does
    uvloop.run(main(parser.parse_args()))
