"""How long it takes until work goes on after something died, what poison costs, and how a backlog drains.

    .venv/bin/python tests/bench/recovery.py [--only broker,backlog] [--rate 4] [--away 5] [--outage 20]

Ten minutes without a worker, under the load that the sample processors take twice of, in half an hour at most:

    .venv/bin/python tests/bench/recovery.py --only backlog --outage 600 --rate 4

Starts a stack of its own with two instances of every service. Prints JSON; ends by itself. All times are seconds. On a
machine that does other work they are those of the other work.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import socket
import time
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg

from lethe_client.errors import LetheError
from lethe_events import Record
from lethe_example_shop import person_number
from lethe_local.stack import databases
from lethe_messaging import Tuning
from lethe_testkit.ground import messaging_ground, record_effects, status_of
from lethe_testkit.journey import Journey
from lethe_testkit.stack import KAFKA, POSTGRES, Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    from lethe_messaging import Bus
    from lethe_postgres import Database

_LEADS = """
SELECT l.pid FROM pg_locks l, (SELECT hashtextextended('lethe-relay/{schema}', 0) AS key) k
WHERE l.locktype = 'advisory' AND l.granted AND ((l.classid::bigint << 32) | l.objid::bigint) = k.key
"""
_OVERTAKEN = """
SELECT json_object_agg(processor_id, seconds) FROM (
    SELECT processor_id, round(max(extract(epoch FROM newest - accepted_at))::numeric, 2) AS seconds FROM (
        SELECT processor_id, accepted_at,
               max(accepted_at) OVER (PARTITION BY processor_id ORDER BY settled_at, accepted_at) AS newest
          FROM erasure_worker.job WHERE state = 'settled') AS each
    GROUP BY processor_id) AS by_processor
"""
_PATIENCE = 60.0
_STEP = 1000
PARTS = ("takeover", "broker", "postgres", "rebalance", "backlog", "poison")
_PEOPLE = 7_000
_BEFORE = 3.0  # seconds of load before something is done
_USUAL = 2.0  # seconds


async def until(true: Callable[[], Awaitable[bool]], patience: float = _PATIENCE, step: float = 0.02) -> float:
    """Seconds until it holds; looks every `step` seconds."""
    begun = time.monotonic()
    while not await true():
        if time.monotonic() > begun + patience:
            raise TimeoutError(f"recovery takes longer than {patience:.0f} s")
        await asyncio.sleep(step)
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
        pid: int | None = await self.ask(_LEADS.format(schema=service))
        return pid


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


class Steady:
    """Requests at an even pace, whatever happens; what is refused or unreachable is tried once and counted."""

    def __init__(self, stack: Stack, rate: float, first: int) -> None:
        self._stack = stack
        self._rate = rate
        self._next = first
        self._over = asyncio.Event()
        self.asked: dict[UUID, float] = {}
        """Who was accepted, and when they asked: seconds of the system's clock, which the database tells as well."""
        self.accepted: list[float] = []
        self.refused = 0

    async def run(self) -> None:
        async with Journey(self._stack) as journey, asyncio.TaskGroup() as group:
            while not self._over.is_set():
                group.create_task(self._ask(journey, self._next))
                self._next += 1
                await asyncio.sleep(1 / self._rate)

    def end(self) -> int:
        """Gives the number of the next person."""
        self._over.set()
        return self._next

    async def closed(self, watcher: Watcher) -> dict[float, float]:
        """When they asked → when it was closed. Waits until all are."""
        ids = list(self.asked)

        async def all_closed() -> bool:
            sql = "SELECT count(*) FROM orchestrator.saga WHERE id = ANY($1) AND closed_at IS NOT NULL"
            return bool(await watcher.ask(sql, ids) == len(ids))

        await until(all_closed)
        sql = "SELECT json_object_agg(id, extract(epoch FROM closed_at)) FROM orchestrator.saga WHERE id = ANY($1)"
        found = json.loads(await watcher.ask(sql, ids))
        return {asked: float(found[str(dsr_id)]) for dsr_id, asked in sorted(self.asked.items(), key=lambda i: i[1])}

    async def _ask(self, journey: Journey, number: int) -> None:
        at = time.time()
        try:
            dsr_id = await journey.submit({"email": [person_number(number, 7).email]}, key=f"steady-{number}")
        except (LetheError, OSError):
            self.refused += 1
        else:
            self.asked[dsr_id] = at
            self.accepted.append(time.time())


@asynccontextmanager
async def steadily(stack: Stack, rate: float, first: int) -> AsyncIterator[Steady]:
    """Begins a moment before the body, and ends a moment after it."""
    load = Steady(stack, rate, first)
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run())
        await asyncio.sleep(_BEFORE)
        yield load
        load.end()


async def engine_back(watcher: Watcher, name: str, options: argparse.Namespace, first: int) -> dict[str, float]:
    """An engine is away under load. From the opening of its port: until a request is accepted; until the first one
    that was sent then is closed; until no later request takes longer than `_USUAL`; until all of the outage are closed.
    """
    stack = watcher.stack
    address = stack.kafka if name == KAFKA else f"127.0.0.1:{urlsplit(stack.postgres).port}"

    async def is_open() -> bool:
        return port_open(address)

    async with steadily(stack, options.rate, first) as load:
        stack.hold(name)
        await asyncio.sleep(options.away)
        stack.release(name)
        await until(is_open)
        opened = time.time()
        await asyncio.sleep(10)
    closed = await load.closed(watcher)
    stack.wait_ready()
    after = {asked: done for asked, done in closed.items() if asked >= opened}
    slow = [asked for asked, done in after.items() if done - asked > _USUAL]
    found = {
        "accepted": min(at for at in load.accepted if at >= opened) - opened,
        "closed": min(after.values()) - opened,
        "usual_again": max(slow, default=opened) - opened,
        "outage_drained": max(done for asked, done in closed.items() if asked < opened) - opened,
    }
    return {**{name: round(seconds, 2) for name, seconds in found.items()}, "refused_meanwhile": load.refused}


async def rebalances(watcher: Watcher, service: str, options: argparse.Namespace, first: int) -> dict[str, float]:
    """The second instance ends in peace and comes back, then is killed and comes back: the longest that any request
    took meanwhile, and what a request takes otherwise."""
    stack, victim = watcher.stack, f"{service}-2"
    async with steadily(stack, options.rate, first) as load:
        begun = time.time()
        for act in (stack.terminate, stack.kill):
            act(victim)
            await asyncio.sleep(1)
            stack.wait_ready(victim)
            await until(lambda: watcher.shared(service))
            await asyncio.sleep(1)
        ended = time.time()
    took = [(asked, done - asked) for asked, done in (await load.closed(watcher)).items()]
    usual = sorted(seconds for asked, seconds in took if asked < begun)
    longest = max(seconds for asked, seconds in took if begun - 1 <= asked <= ended)
    return {"usual": round(usual[len(usual) // 2], 2), "longest": round(longest, 2), "requests": len(took)}


async def backlog(watcher: Watcher, options: argparse.Namespace, first: int) -> dict[str, Any]:
    """The erasure worker is away under load; when it is back, requests keep coming. What has waited drains in less
    time than the outage took, and by processor no task was overtaken by one that came more than a batch later."""
    stack = watcher.stack
    names = ["erasure_worker", *(f"erasure_worker-{n}" for n in range(2, stack.instances + 1))]
    async with steadily(stack, options.rate, first) as load:
        away = time.time()
        for name in names:
            stack.hold(name)
        await asyncio.sleep(options.outage)
        for name in names:
            stack.release(name)
        back = time.time()
        waited = [dsr_id for dsr_id, asked in load.asked.items() if asked < back]

        async def drained() -> bool:
            sql = "SELECT count(*) FROM orchestrator.saga WHERE id = ANY($1) AND closed_at IS NOT NULL"
            return bool(await watcher.ask(sql, waited) == len(waited))

        await until(drained, options.outage * 4, step=max(0.02, options.outage / 1000))
        took = time.time() - back
    return {
        "away": round(back - away, 1),
        "waited": len(waited),
        "arrivals_per_second": options.rate,
        "drained_in": round(took, 1),
        "drained_per_second": round(len(waited) / took + options.rate, 1),
        "overtaken_by_seconds": json.loads(await watcher.ask(_OVERTAKEN)),
    }


async def poison(postgres: str, kafka: str, messages: int) -> dict[str, float]:
    """Good messages a second, with none bad and with one in ten; the best of three, in turn. CPU: of this process."""
    rates: dict[str, float] = {"none": 0, "tenth": 0}
    cpu: dict[str, float] = {"none": float("inf"), "tenth": float("inf")}
    for label, every in (("none", 0), ("tenth", 10)) * 3:
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
    parts = set(options.only.split(",")) if options.only else set(PARTS)
    with Stack(people=_PEOPLE, instances=2) as stack:
        watcher = Watcher(stack)
        first = 100
        if "takeover" in parts:
            for service in ("orchestrator", "erasure_worker", "intake"):
                found[f"{service} killed"] = await taken_over(watcher, service, frozen=False)
            found["orchestrator frozen"] = await taken_over(watcher, "orchestrator", frozen=True)
        for part, name in (("broker", KAFKA), ("postgres", POSTGRES)):
            if part in parts:
                found[f"{part} back"] = await engine_back(watcher, name, options, first := first + 1000)
        if "rebalance" in parts:
            for service in ("orchestrator", "erasure_worker"):
                found[f"{service} rebalances"] = await rebalances(watcher, service, options, first := first + 1000)
        if "backlog" in parts:
            found["backlog"] = await backlog(watcher, options, first + 1000)
        if "poison" in parts:
            found["poison"] = await poison(stack.postgres, stack.kafka, options.messages)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--rate", type=float, default=4.0, help="requests a second")
    parser.add_argument("--away", type=float, default=5.0, help="seconds for which an engine is away")
    parser.add_argument("--outage", type=float, default=20.0, help="seconds for which the erasure worker is away")
    parser.add_argument("--messages", type=int, default=40_000)
    asyncio.run(main(parser.parse_args()))
