"""What the SQL connector alone costs a person of the example shop, beside a set-based erasure written by hand.

    LETHE_POSTGRES=… python tests/bench/connector.py --people 3000

Counted in CPU time, of this process and of PostgreSQL's, so that a busy machine disturbs little. Nothing of Lethe but
the connector runs: no bus, no vault, no saga.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import psutil

from lethe_events.words import Verb
from lethe_example_shop.load import load
from lethe_example_shop.person import person_number
from lethe_processors import connector_for
from lethe_processors.connector import WorkItem
from lethe_processors.credentials import Credentials
from lethe_processors.register import load_register
from lethe_testkit.databases import Databases
from lethe_testkit.tasks import task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from lethe_processors.connector import Answer

REGISTER = Path(__file__).parents[2] / "examples" / "register"
BY_HAND = Path(__file__).parent / "by_hand.sql"


class Cost(NamedTuple):
    """Milliseconds a person."""

    python: float
    postgres: float
    wall: float


class Sink:
    """Takes what is exported and counts it."""

    def __init__(self) -> None:
        self.records = 0

    async def write(self, item: WorkItem, collection: str, records: Sequence[Mapping[str, object]]) -> None:
        self.records += len(records)

    async def masked(self, item: WorkItem, collection: str, fields: Iterable[str], rows: int) -> None:
        return


async def measured(admin: asyncpg.Connection, people: int, run: Callable[[], Awaitable[object]]) -> Cost:
    """What `run` costs a person. The first calls, which plan and connect, are to be made before."""
    backends = await _backends(admin)
    used, at = _used(), time.monotonic()
    before = {p: _cpu(p) for p in backends}
    await run()
    wall, spent = time.monotonic() - at, _used() - used
    postgres = sum(_cpu(p) - before.get(p, 0.0) for p in await _backends(admin))
    return Cost(*(round(1000 * v / people, 3) for v in (spent, postgres, wall)))


async def _backends(admin: asyncpg.Connection) -> list[int]:
    rows = await admin.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    return [row[0] for row in rows if row[0] != admin.get_server_pid()]


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _items(verb: Verb, numbers: Sequence[int]) -> list[WorkItem]:
    people = [person_number(n, 1) for n in numbers]
    known = [{"email": (p.email,), "customer_id": (p.customer_no,)} for p in people]
    return [WorkItem(task("shop", verb, n), identifiers) for n, identifiers in zip(numbers, known, strict=True)]


async def compare(dsn: str, people: int, batch: int) -> dict[str, Cost]:
    await load(dsn, people=3 * people)
    os.environ |= {"SHOP_READ_DSN": dsn, "SHOP_WRITE_DSN": dsn, "SHOP_KEY": "k" * 32}
    register = load_register(REGISTER)
    connector = connector_for(register.processors["shop"], Credentials(directory=REGISTER))
    admin = await asyncpg.connect(dsn)
    numbers = range(1, 3 * people + 1)
    first, second = numbers[:people], numbers[people : 2 * people]
    parts = {verb: [_items(verb, first[i : i + batch]) for i in range(0, people, batch)] for verb in Verb}
    found: dict[str, Cost] = {}
    warm = _items(Verb.ERASE, numbers[2 * people : 2 * people + batch])
    for _ in range(2):
        await connector.export(warm, Sink())
        await connector.erase(warm)
        await connector.verify(warm)

    async def each(verb: Verb, call: Callable[[list[WorkItem]], Awaitable[list[Answer]]]) -> None:
        outcomes: dict[str, int] = {}
        for part in parts[verb]:
            for answer in await call(part):
                outcomes[answer.outcome.value] = outcomes.get(answer.outcome.value, 0) + 1
        print(f"  {verb.value}: {outcomes}", flush=True)

    sink = Sink()
    found["export"] = await measured(admin, people, lambda: each(Verb.EXPORT, lambda p: connector.export(p, sink)))
    found["erase"] = await measured(admin, people, lambda: each(Verb.ERASE, connector.erase))
    found["verify"] = await measured(admin, people, lambda: each(Verb.VERIFY, connector.verify))
    print(f"  {sink.records / people:.1f} records a person")
    groups = [list(second[i : i + batch]) for i in range(0, people, batch)]

    found["by hand"] = await _by_hand(people, dsn, groups)
    await connector.close()
    await admin.close()
    return found


async def _by_hand(people: int, dsn: str, groups: Sequence[Sequence[int]]) -> Cost:
    """On one connection, whose process is asked for its time before it ends."""
    statements = [s for s in BY_HAND.read_text().split(";") if s.strip()]
    connection = await asyncpg.connect(dsn, server_settings={"jit": "off"})
    pid = connection.get_server_pid()
    used, before, at = _used(), _cpu(pid), time.monotonic()
    for group in groups:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement, group)
    wall, spent, postgres = time.monotonic() - at, _used() - used, _cpu(pid) - before
    await connection.close()
    return Cost(*(round(1000 * v / people, 3) for v in (spent, postgres, wall)))


async def main(arguments: Any) -> None:
    databases = Databases(os.environ["LETHE_POSTGRES"])
    name = f"lethe_bench_{secrets.token_hex(4)}"
    dsn = await databases.create(name)
    try:
        found = await compare(dsn, arguments.people, arguments.batch)
    finally:
        await databases.drop(name)
    print(f"{arguments.people} people in batches of {arguments.batch}: CPU ms a person")
    for verb, cost in found.items():
        print(f"  {verb:8} python {cost.python:.3f}  postgres {cost.postgres:.3f}  wall {cost.wall:.3f}")
    both = sum(found[v].python + found[v].postgres for v in ("erase", "verify"))
    hand = found["by hand"].python + found["by hand"].postgres
    print(f"  erase and verify cost {both / hand:.1f} times what is written by hand")
    if arguments.json:
        arguments.json.write_text(json.dumps({k: c._asdict() for k, c in found.items()}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--json", type=Path)
    asyncio.run(main(parser.parse_args()))
