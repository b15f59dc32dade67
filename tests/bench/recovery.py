"""How long it takes until work goes on after something died, what poison costs, and how a backlog drains.

    nice .venv/bin/python tests/bench/recovery.py [--sagas 200] [--messages 20000]

Starts a stack of its own with two instances of every service. Prints JSON; ends by itself. All times are seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg

from lethe_events import Record
from lethe_example_shop import person_number
from lethe_local.stack import databases
from lethe_messaging import Tuning
from lethe_testkit.ground import messaging_ground, record_effects, status_of
from lethe_testkit.journey import Journey
from lethe_testkit.stack import KAFKA, POSTGRES, Stack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lethe_messaging import Bus
    from lethe_postgres import Database

_LEADS = """
SELECT l.pid FROM pg_locks l, (SELECT hashtextextended('lethe-relay/{schema}', 0) AS key) k
WHERE l.locktype = 'advisory' AND l.granted AND ((l.classid::bigint << 32) | l.objid::bigint) = k.key
"""
_PATIENCE = 60.0
_STEP = 1000


async def until(true: Callable[[], Awaitable[bool]]) -> float:
    """Seconds until it holds."""
    begun = time.monotonic()
    while not await true():
        if time.monotonic() > begun + _PATIENCE:
            raise TimeoutError("recovery takes longer than a minute")
        await asyncio.sleep(0.02)
    return round(time.monotonic() - begun, 3)


class Watcher:
    """Looks into PostgreSQL, from outside the services."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    async def ask(self, sql: str, *arguments: object) -> Any:
        connection = await asyncpg.connect(self.stack.database(), timeout=2)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()

    async def shared(self, service: str) -> bool:
        owners = f"SELECT count(DISTINCT owner) FROM {service}.lease WHERE expires_at > clock_timestamp()"
        return bool(await self.ask(owners) == self.stack.instances)

    async def leader(self, service: str) -> int | None:
        return await self.ask(_LEADS.format(schema=service))


async def taken_over(watcher: Watcher, service: str, *, frozen: bool) -> dict[str, float]:
    """One of two is killed and kept down, or stopped in its tracks; what it owned goes on at the other."""
    await until(lambda: watcher.shared(service))
    victim = f"{service}-2"
    leader = await watcher.leader(service)
    begun = time.monotonic()
    if frozen:
        watcher.stack.freeze(victim)
    else:
        watcher.stack.hold(victim)

    async def all_at_one() -> bool:
        owners = f"SELECT array_agg(DISTINCT owner) FROM {service}.lease WHERE expires_at > clock_timestamp()"
        every = f"SELECT bool_and(expires_at > clock_timestamp()) FROM {service}.lease"
        found = await watcher.ask(owners)
        return found is not None and len(found) == 1 and bool(await watcher.ask(every))

    async def has_leader() -> bool:
        return await watcher.leader(service) is not None

    await until(all_at_one)
    leases = round(time.monotonic() - begun, 3)
    await until(has_leader)
    relay = round(time.monotonic() - begun, 3)
    changed = await watcher.leader(service) != leader
    if frozen:
        watcher.stack.thaw(victim)
    else:
        watcher.stack.release(victim)
    watcher.stack.wait_ready(victim)
    return {"partitions": leases, "relay": relay, "relay_changed": changed}


def port_open(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with closing(socket.socket()) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, int(port))) == 0


async def engine_back(stack: Stack, name: str, person: int) -> dict[str, float]:
    """From the opening of its port until a request sent then is closed, and until everything says that it is ready."""
    address = stack.kafka if name == KAFKA else f"127.0.0.1:{urlsplit(stack.postgres).port}"
    stack.hold(name)
    await asyncio.sleep(3)
    stack.release(name)

    async def is_open() -> bool:
        return port_open(address)

    await until(is_open)
    begun = time.monotonic()
    async with Journey(stack) as journey:
        while True:
            try:
                dsr_id = await journey.submit({"email": [person_number(person, 7).email]}, key=f"back-{name}")
                break
            except Exception:
                await asyncio.sleep(0.05)
        accepted = time.monotonic() - begun
        while True:
            try:
                await journey.until_closed([dsr_id], 60)
                break
            except TimeoutError:
                raise
            except Exception:
                await asyncio.sleep(0.05)
        closed = time.monotonic() - begun
    stack.wait_ready()
    ready = time.monotonic() - begun
    return {"accepted": round(accepted, 3), "closed": round(closed, 3), "all_ready": round(ready, 3)}


async def backlog(stack: Stack, sagas: int) -> dict[str, float]:
    """The erasure worker is away while requests come; then it is back. Its queue is worked in order of deadlines."""
    for n in range(1, stack.instances + 1):
        stack.hold("erasure_worker" if n == 1 else f"erasure_worker-{n}")
    begun = time.monotonic()
    async with Journey(stack) as journey:
        ids = []
        for first in range(0, sagas, 20):
            ids += await asyncio.gather(
                *(
                    journey.submit({"email": [person_number(1000 + first + n, 7).email]}, key=f"backlog-{first + n}")
                    for n in range(min(20, sagas - first))
                )
            )
        submitted = time.monotonic() - begun
        for n in range(1, stack.instances + 1):
            stack.release("erasure_worker" if n == 1 else f"erasure_worker-{n}")
        begun = time.monotonic()
        await journey.until_closed(ids, 300)
        drained = time.monotonic() - begun
    return {"sagas": sagas, "away": round(submitted, 2), "drained": round(drained, 2)}


async def poison(postgres: str, kafka: str, messages: int) -> dict[str, float]:
    """Good messages a second, with none bad and with one in ten; the best of two, in turn. CPU: of this process."""
    rates: dict[str, float] = {"none": 0, "tenth": 0}
    cpu: dict[str, float] = {"none": float("inf"), "tenth": float("inf")}
    for label, every in (("none", 0), ("tenth", 10)) * 2:
        name = f"bench_{label}_{secrets.token_hex(4)}"
        await databases.create_database(postgres, name)
        async with messaging_ground(databases.at(postgres, name), kafka, name) as ground:
            await ground.make(ground.source)
            sender = await ground.bus()
            for at in range(0, messages, _STEP):
                good = [status_of(ground.source.name, n) for n in range(at, min(at + _STEP, messages))]
                bad = [Record(r.topic, r.key, b"{}", r.headers) for r in good[::every]] if every else []
                async with sender.work() as work:
                    work.send([*good, *bad])

            async def sent(bus: Bus = sender) -> bool:
                return bus.health()["publisher"] == {"waiting": 0}

            async def handled(database: Database = ground.database) -> bool:
                return bool(await database.fetchval("SELECT count(*) >= $1 FROM effect", messages))

            await until(sent)
            bus = await ground.bus(Tuning())
            used = time.process_time()
            async with ground.consuming(bus, {ground.source: record_effects}):
                rates[label] = max(rates[label], messages / await until(handled))
                cpu[label] = min(cpu[label], time.process_time() - used)
        await drop(postgres, name)
    ratio = round(rates["tenth"] / rates["none"], 3)
    of_cpu = round(cpu["none"] / cpu["tenth"], 3)
    return {"none": round(rates["none"]), "tenth": round(rates["tenth"]), "ratio": ratio, "cpu_ratio": of_cpu}


async def drop(postgres: str, name: str) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


async def main(options: argparse.Namespace) -> None:
    found: dict[str, Any] = {}
    with Stack(people=options.sagas + 1100, instances=2) as stack:
        watcher = Watcher(stack)
        for service in ("orchestrator", "erasure_worker", "intake"):
            found[f"{service} killed"] = await taken_over(watcher, service, frozen=False)
        found["orchestrator frozen"] = await taken_over(watcher, "orchestrator", frozen=True)
        print(json.dumps(found), flush=True)
        found["broker back"] = await engine_back(stack, KAFKA, 1)
        found["postgres back"] = await engine_back(stack, POSTGRES, 2)
        print(json.dumps(found), flush=True)
        found["backlog"] = await backlog(stack, options.sagas)
        found["poison"] = await poison(stack.postgres, stack.kafka, options.messages)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sagas", type=int, default=200)
    parser.add_argument("--messages", type=int, default=20_000)
    asyncio.run(main(parser.parse_args()))
