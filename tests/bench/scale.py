"""What many open sagas cost: bytes of PostgreSQL each, the search for due timers, the lists of the console, and a step.

    LETHE_POSTGRES=postgresql://… .venv/bin/python tests/bench/scale.py [--open 1000000] [--steps 2000]
        [--write docs/scale.json]

Opens sagas of five tasks each in a database of its own (copies of sagas that the real handlers opened, with other ids
and dates), then measures with the statements and handlers of the service. Prints JSON; ends by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import secrets
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import psutil
import saga_handlers as handlers
import uvloop

from lethe_events.words import Right
from lethe_law import load_calendars
from lethe_messaging import Work
from lethe_postgres import Database, migrate
from orchestrator.adapters.reading import PostgresReading
from orchestrator.adapters.registers import PostgresRegisters
from orchestrator.adapters.signing import Ed25519Signer
from orchestrator.adapters.store import PostgresSagas
from orchestrator.application.messages import Messages
from orchestrator.application.office import Office
from orchestrator.application.take import Take
from orchestrator.application.timers import LIMIT, Timers
from orchestrator.application.topics import Topics
from orchestrator.application.views import Filter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

SEED = 500
"""Sagas opened by the handlers; the others are copies."""
_COPY = """
WITH s AS (SELECT o.*, n.n, uuidv7() AS new_id
      FROM generate_series($1::int, $2::int) AS n(n) JOIN seed o ON o.r = n.n % $3),
f AS (INSERT INTO saga_fact (id, subject_ref, "right", export_first, country, channel, identity, identifier_kinds,
        received_at, accepted_at, due_legal)
      SELECT s.new_id, uuidv7(), f."right", f.export_first, f.country, f.channel, f.identity, f.identifier_kinds,
        f.received_at, f.accepted_at, f.due_legal FROM s JOIN saga_fact f ON f.id = s.id),
g AS (INSERT INTO saga (id, controller_id, due_strict, state, version, register_id, checked_register_id, alarm, alerts,
        open_incidents, audit_seq, audit_head)
      SELECT s.new_id, CASE WHEN s.n % 10 = 3 THEN 'beta' ELSE s.controller_id END,
        s.due_strict + make_interval(secs => s.n), CASE WHEN s.n % 10000 = 7 THEN 'verifying' ELSE s.state END,
        s.version, s.register_id, s.checked_register_id, s.alarm, s.alerts, (s.n % 5000 = 11)::int, s.audit_seq,
        s.audit_head FROM s),
t AS (INSERT INTO task (saga_id, id, processor_id, verb, round, after, register_id, tokens, subject_tokens, status,
        attempt, answered, tries, looks, due_at)
      SELECT s.new_id, gen_random_uuid(), CASE WHEN s.n % 20000 = 13 AND t.processor_id = 'processor-1' THEN 'seldom'
        ELSE t.processor_id END, t.verb, t.round, t.after, t.register_id, t.tokens, t.subject_tokens, t.status,
        t.attempt, t.answered, t.tries, t.looks, t.due_at FROM s JOIN task t ON t.saga_id = s.id),
e AS (INSERT INTO audit_event (saga_id, seq, hash, content, packed)
      SELECT s.new_id, e.seq, e.hash, e.content, e.packed FROM s JOIN audit_event e ON e.saga_id = s.id)
INSERT INTO timer (saga_id, due_at, kind, task_id)
SELECT s.new_id, now() + interval '1 day' + make_interval(secs => s.n), k.kind, k.task_id
FROM s JOIN timer k ON k.saga_id = s.id
"""
"""Ids follow time, as intake's do. One of 10 is another controller's, one of 10,000 is verifying, one of 5,000 has an
incident, one of 20,000 waits for a processor that the others do not know."""


def percentiles(seconds: list[float]) -> dict[str, float]:
    found = statistics.quantiles(seconds, n=100)
    return {"p50_ms": round(found[49] * 1000, 3), "p99_ms": round(found[98] * 1000, 3)}


async def timed(what: Callable[[], Awaitable[object]], times: int = 300) -> dict[str, float]:
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        await what()
        seconds.append(time.perf_counter() - begun)
    return percentiles(seconds)


async def fill(dsn: str, wanted: int) -> None:
    """By a connection of its own: without the bounds on time that the service's have, and behind whoever else works."""
    connection = await asyncpg.connect(
        dsn, server_settings={"search_path": "orchestrator", "synchronous_commit": "off"}
    )
    with contextlib.suppress(PermissionError, ProcessLookupError):  # a server elsewhere, or not ours to slow down
        os.setpriority(os.PRIO_PROCESS, connection.get_server_pid(), 5)
    await connection.execute(
        "CREATE TABLE seed AS SELECT s.*, row_number() OVER () - 1 AS r FROM saga s "
        f"WHERE closed_at IS NULL LIMIT {SEED}"
    )
    there = await connection.fetchval("SELECT count(*) FROM saga WHERE closed_at IS NULL")
    for start in range(there, wanted, 20_000):
        await connection.execute(_COPY, start, min(start + 20_000, wanted) - 1, SEED)
    await connection.execute("DROP TABLE seed")
    for table in ("saga", "saga_fact", "task", "timer", "audit_event"):
        await connection.execute(f"VACUUM (ANALYZE) {table}")
    await connection.close()


async def bytes_per_saga(database: Database, count: int) -> dict[str, int]:
    """Of tables with their indexes. What is there for a moment, like heads before their seal, is not counted."""
    rows = await database.fetch(
        "SELECT relname, pg_total_relation_size(oid) AS bytes, pg_relation_size(oid) AS heap FROM pg_class "
        "WHERE oid = ANY(ARRAY['saga', 'saga_fact', 'task', 'timer', 'audit_event', 'incident']::regclass[]) "
        "ORDER BY 2 DESC"
    )
    found = {row["relname"]: round(row["bytes"] / count) for row in rows}
    return found | {
        "indexes of them": round(sum(r["bytes"] - r["heap"] for r in rows) / count),
        "all": sum(found.values()),
    }


def _postgres_cpu(pids: list[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(t.user + t.system for t in times)


async def step_cost(database: Database, bench: handlers.Bench, steps: int) -> dict[str, float]:
    """Closed sagas a second, handlers and database on one connection; and their CPU, which others blur less."""
    requests = [handlers.received(Right.ERASURE) for _ in range(steps)]
    pids = await backends(database)
    wall, python, postgres = bench.wall, bench.cpu, _postgres_cpu(pids)
    while requests:
        batch, requests = requests[:500], requests[500:]
        await bench.run(bench.take.requests, batch)
        acks = [handlers.answered(r) for r in bench.sent if r.topic != "dsr.status"]
        bench.sent = []
        for start in range(0, len(acks), 500):
            await bench.run(bench.take.acks, acks[start : start + 500])
        bench.sent = []
    return {
        "closed_per_second": round(steps / (bench.wall - wall), 1),
        "python_us": round((bench.cpu - python) / steps * 1e6),
        "postgres_us": round((_postgres_cpu(pids) - postgres) / steps * 1e6),
    }


async def backends(database: Database) -> list[int]:
    rows = await database.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    return [row["pid"] for row in rows]


async def burst(database: Database, dsn: str, office: Office, count: int) -> dict[str, float]:
    """`count` sagas whose answers are overdue at one instant: how long until each was asked again. One connection."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "orchestrator"})
    await connection.execute("UPDATE saga SET state = 'fulfilling' WHERE state = 'verifying'")
    await connection.execute("UPDATE task SET processor_id = 'processor-1' WHERE processor_id = 'seldom'")
    await connection.execute(
        "WITH s AS (SELECT saga_id FROM timer LIMIT $1), d AS (UPDATE timer t SET due_at = now() FROM s "
        "WHERE t.saga_id = s.saga_id RETURNING t.saga_id, t.task_id) "
        "UPDATE task k SET due_at = now() FROM d WHERE k.saga_id = d.saga_id AND k.status = 'issued'",
        count,
    )
    await connection.close()
    timers, begun, fired = Timers(office, Desk(database)), time.perf_counter(), 0
    while done := await timers.fire(LIMIT):
        fired += done
    return {"fired": fired, "seconds": round(time.perf_counter() - begun, 1)}


class Desk:
    """Transactions as the bus opens them; what they send is dropped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextlib.asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        async with self._database.transaction() as tx:
            yield Work(tx)


async def lists(database: Database, store: PostgresSagas) -> dict[str, dict[str, float]]:
    reading = PostgresReading(database, store)
    mine = Filter(controllers=("acme",))
    _, after = await reading.page(mine)
    filters: dict[str, Filter] = {
        "first page": mine,
        "second page": Filter(controllers=("acme",), after=after),
        "one processor": Filter(controllers=("acme",), processor="processor-1"),
        "one state": Filter(controllers=("acme",), state="fulfilling"),
        "incidents": Filter(controllers=("acme",), incident=True),
        "a seldom state": Filter(controllers=("acme",), state="verifying"),
        "a state of nobody": Filter(controllers=("acme",), state="answered"),
        "a seldom processor": Filter(controllers=("acme",), processor="seldom"),
        "a processor of nobody": Filter(controllers=("acme",), processor="nobody"),
        "two controllers": Filter(controllers=("acme", "beta")),
        "a controller without sagas": Filter(controllers=("nobody",)),
        "due before a date": Filter(controllers=("acme",), due_before=handlers.NOW + timedelta(days=60)),
        "closed": Filter(controllers=("acme",), state="closed"),
    }
    return {name: await timed(lambda f=wanted: reading.page(f), 200) for name, wanted in filters.items()}


async def measure(database: Database, dsn: str, options: argparse.Namespace) -> dict[str, Any]:
    load_calendars(handlers.NOW.year, ("DE",))
    registers = PostgresRegisters()
    async with database.transaction() as tx:
        await registers.bring_into_force(tx, "a" * 64, handlers.register(5, native=True, verified=False), "bench")
    store = PostgresSagas(database, registers)
    office = Office(
        store=store,
        registers=registers,
        vault=handlers.NoVault(),
        messages=Messages(Topics()),
        signer=Ed25519Signer(handlers.Ed25519PrivateKey.generate()),
        retention=timedelta(days=30),
        meters=handlers.NoMeters(),
    )
    bench = handlers.Bench(database, Take(office))
    await bench.run(bench.take.requests, [handlers.received(Right.ERASURE) for _ in range(SEED)])
    bench.sent = []
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="minutes"), "open": options.open, "steps": {}}
    await fill(dsn, 1_000)
    await step_cost(database, bench, options.steps)  # plans, caches
    found["steps"]["1000"] = [await step_cost(database, bench, options.steps) for _ in range(3)]
    begun = time.perf_counter()
    await fill(dsn, options.open)
    found["bytes_per_open_saga"] = await bytes_per_saga(database, options.open)
    found["loaded_s"] = round(time.perf_counter() - begun)
    print(json.dumps(found), file=sys.stderr, flush=True)
    await step_cost(database, bench, options.steps)
    found["steps"][str(options.open)] = [await step_cost(database, bench, options.steps) for _ in range(3)]
    found["load_average"] = os.getloadavg()

    async def due() -> None:
        async with database.transaction() as tx:
            await store.load_due(tx, 500)

    found["timers, none due"] = await timed(due)
    found["next timer"] = await timed(store.seconds_to_next)
    found["lists"] = await lists(database, store)
    print(json.dumps(found), file=sys.stderr, flush=True)
    found["timers, all due at once"] = await burst(database, dsn, office, min(100_000, options.open))
    found["resident_mb"] = psutil.Process().memory_info().rss // 1_000_000
    return found


async def main(options: argparse.Namespace) -> None:
    admin_dsn = os.environ["LETHE_POSTGRES"]
    name = f"lethe_scale_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    dsn = f"{admin_dsn.rsplit('/', 1)[0]}/{name}"
    database = await Database.connect(dsn, schema="orchestrator", application_name="bench")
    try:
        await migrate(database, "orchestrator.adapters")
        text = json.dumps(await measure(database, dsn, options), indent=1)
        print(text)
        if options.write:
            options.write.write_text(text + "\n")
    finally:
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--write", type=Path, help="write the figures there, for the page of benchmarks")
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as the service does
    uvloop.run(main(parser.parse_args()))
