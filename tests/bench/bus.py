"""What the loop costs: consume → transaction → outbox → publish, with a handler that answers each message.

    LETHE_KAFKA=… LETHE_POSTGRES=… .venv/bin/python tests/bench/bus.py [--messages 60000] [--rounds 3]

One process on uvloop, 8 partitions, a backlog from the start. Prints messages a second through the whole loop and
microseconds of Python per message, which are steadier than the rate on a machine that does other things too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import time
from typing import TYPE_CHECKING

import uvloop

from lethe_events import Record
from lethe_testkit.databases import Databases
from lethe_testkit.ground import Ground, eventually, messaging_ground

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_messaging import Bus, Message, Work

PARTITIONS = 8


async def measure(ground: Ground, messages: int) -> str:
    """One round on new topics."""
    await ground.make(ground.source, ground.target, partitions=PARTITIONS)
    bus = await ground.bus()
    for start in range(0, messages, 1000):
        await ground.send(bus, range(start, min(start + 1000, messages)))
    await eventually(lambda: _idle(bus), 120)
    handled = 0
    done = asyncio.Event()

    async def handler(work: Work, batch: Sequence[Message]) -> None:
        work.send([Record(ground.target.name, m.key or b"", m.value or b"", m.headers) for m in batch])
        work.after_commit(lambda: count(len(batch)))

    def count(more: int) -> None:
        nonlocal handled
        handled += more
        if handled >= messages:
            done.set()

    begun, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group, ground.consuming(bus, {ground.source: handler}):
        group.create_task(bus.relay())
        await done.wait()
        await eventually(lambda: _idle(bus), 120)
        took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return f"{messages / took:8.0f} messages/s  {cpu / messages * 1e6:6.1f} µs of Python per message"


async def _idle(bus: Bus) -> bool:
    return bus.health()["publisher"] == {"waiting": 0}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    databases = Databases(os.environ["LETHE_POSTGRES"])
    for _ in range(arguments.rounds):
        unique = secrets.token_hex(4)
        name = f"lethe_bench_{unique}"
        dsn = await databases.create(name)
        try:
            async with messaging_ground(dsn, os.environ["LETHE_KAFKA"], unique) as ground:
                print(await measure(ground, arguments.messages))
        finally:
            await databases.drop(name)


if __name__ == "__main__":
    uvloop.run(main())
