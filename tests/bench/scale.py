"""What many open sagas cost: bytes of PostgreSQL each, the search for due timers, the lists of the console, and a step.

    LETHE_POSTGRES=postgresql://… .venv/bin/python tests/bench/scale.py [--open 1000000] [--steps 2000]

Opens sagas of five tasks each in a database of its own (copies of sagas that the real handlers opened, with other ids
and dates), then measures with the statements and handlers of the service. Prints JSON; ends by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
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
WITH n AS (SELECT generate_series($1::int, $2::int) AS n),
s AS (SELECT o.*, n.n, gen_random_uuid() AS new_id, row_number() OVER () AS r
      FROM n JOIN LATERAL (SELECT * FROM seed OFFSET n.n % $3 LIMIT 1) o ON true),
f AS (INSERT INTO saga_fact SELECT s.new_id, f.subject_ref, f."right", f.export_first, f.country, f.channel, f.identity,
        f.identifier_kinds, f.received_at, f.accepted_at, f.due_legal, f.clock FROM s JOIN saga_fact f ON f.id = s.id),
g AS (INSERT INTO saga (id, controller_id, due_strict, state, version, register_id, checked_register_id, alarm, alerts,
        open_incidents, audit_seq, audit_head)
      SELECT s.new_id, s.controller_id, s.due_strict + make_interval(secs => s.n), s.state, s.version, s.register_id,
        s.checked_register_id, s.alarm, s.alerts, s.open_incidents, s.audit_seq, s.audit_head FROM s),
t AS (INSERT INTO task SELECT s.new_id, gen_random_uuid(), t.processor_id, t.verb, t.round, t.after, t.register_id,
        t.tokens, t.status, t.attempt, t.answered, t.tries, t.looks, t.due_at FROM s JOIN task t ON t.saga_id = s.id),
e AS (INSERT INTO audit_event SELECT s.new_id, e.seq, e.hash, e.content FROM s JOIN audit_event e ON e.saga_id = s.id)
INSERT INTO timer SELECT s.new_id, now() + interval '1 day' + make_interval(secs => s.n), k.kind, k.task_id
FROM s JOIN timer k ON k.saga_id = s.id
"""


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


async def fill(database: Database, wanted: int) -> None:
    await database.execute("CREATE TABLE seed AS SELECT * FROM saga")
    for start in range(0, wanted - SEED, 20_000):
        end = min(start + 20_000, wanted - SEED) - 1
        await database.pool.execute(_COPY, start, end, SEED, timeout=600)
    await database.execute("DROP TABLE seed")
    for table in ("saga", "saga_fact", "task", "timer", "audit_event"):
        await database.pool.execute(f"VACUUM (ANALYZE) {table}", timeout=600)


async def bytes_per_saga(database: Database, count: int) -> dict[str, int]:
    rows = await database.fetch(
        "SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class WHERE relkind = 'r' "
        "AND relnamespace = 'orchestrator'::regnamespace ORDER BY 2 DESC LIMIT 6"
    )
    found = {row["relname"]: round(row["bytes"] / count) for row in rows}
    return found | {"all": sum(found.values())}


async def step_cost(bench: handlers.Bench, steps: int) -> float:
    """Closed sagas a second of handlers and database, on one connection."""
    requests = [handlers.received(Right.ERASURE) for _ in range(steps)]
    before = bench.wall
    while requests:
        batch, requests = requests[:500], requests[500:]
        await bench.run(bench.take.requests, batch)
        acks = [handlers.answered(r) for r in bench.sent if r.topic != "dsr.status"]
        bench.sent = []
        for start in range(0, len(acks), 500):
            await bench.run(bench.take.acks, acks[start : start + 500])
        bench.sent = []
    return round(steps / (bench.wall - before), 1)


async def burst(database: Database, office: Office, count: int) -> dict[str, float]:
    """`count` sagas whose answers are overdue at one instant: how long until each was asked again. One connection."""
    await database.pool.execute(
        "WITH s AS (SELECT saga_id FROM timer LIMIT $1), d AS (UPDATE timer t SET due_at = now() FROM s "
        "WHERE t.saga_id = s.saga_id RETURNING t.saga_id, t.task_id) "
        "UPDATE task k SET due_at = now() FROM d WHERE k.saga_id = d.saga_id AND k.status = 'issued'",
        count,
        timeout=600,
    )
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
        "nothing found": Filter(controllers=("acme",), state="verifying"),
        "another controller": Filter(controllers=("nobody",)),
    }
    return {name: await timed(lambda f=wanted: reading.page(f), 60) for name, wanted in filters.items()}


async def measure(database: Database, options: argparse.Namespace) -> dict[str, Any]:
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
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(), "closed_per_second": {}}
    for count in (1_000, options.open):
        begun = time.perf_counter()
        await fill(database, count)
        found["closed_per_second"][count] = await step_cost(bench, options.steps)
        found[f"filled_{count}_s"] = round(time.perf_counter() - begun, 1)
    found["bytes_per_open_saga"] = await bytes_per_saga(database, options.open)

    async def due() -> None:
        async with database.transaction() as tx:
            await store.load_due(tx, 500)

    found["timers, none due"] = await timed(due)
    found["next timer"] = await timed(store.seconds_to_next)
    found["lists"] = await lists(database, store)
    found["timers, all due at once"] = await burst(database, office, min(100_000, options.open))
    return found


async def main(options: argparse.Namespace) -> None:
    admin_dsn = os.environ["LETHE_POSTGRES"]
    name = f"lethe_scale_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    database = await Database.connect(
        f"{admin_dsn.rsplit('/', 1)[0]}/{name}", schema="orchestrator", application_name="bench"
    )
    try:
        await migrate(database, "orchestrator.adapters")
        print(json.dumps(await measure(database, options), indent=1))
    finally:
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=2000)
    uvloop.run(main(parser.parse_args()))
