"""A consumer process to be killed: `python -m lethe_testkit.consumer` with GROUND_DSN, GROUND_KAFKA, GROUND_UNIQUE.

It writes one effect row and sends one message per message it handles, relays, and stops gracefully on SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lethe_messaging import Bus, KafkaSettings
from lethe_testkit.ground import number_of, open_database, record_effects, status_of, topic_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from lethe_messaging import Message, Work
    from lethe_testkit.ground import Ground


class Process:
    """One started consumer process."""

    def __init__(self, process: asyncio.subprocess.Process, instance_id: str) -> None:
        self.process = process
        self.instance_id = instance_id

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> int:
        return await self.process.wait()


@asynccontextmanager
async def consumer_process(ground: Ground, **environment: str) -> AsyncIterator[Process]:
    """Start one; it is killed at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lethe_testkit.consumer",
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "GROUND_DSN": ground.dsn,
            "GROUND_KAFKA": ground.settings.bootstrap,
            "GROUND_UNIQUE": ground.unique,
            **environment,
        },
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        yield Process(process, line.decode().strip())
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - else it warns at collection


async def main() -> None:
    unique = os.environ["GROUND_UNIQUE"]
    source, target = topic_of(unique, "source"), topic_of(unique, "target")
    database = await open_database(os.environ["GROUND_DSN"])
    bus = Bus(database, KafkaSettings(os.environ["GROUND_KAFKA"]), service="ground")

    async def handler(work: Work, messages: Sequence[Message]) -> None:
        await record_effects(work, messages, bus.instance_id)
        work.send([status_of(target.name, number_of(m)) for m in messages])

    await bus.start()
    print(bus.instance_id, flush=True)  # noqa: T201 - the parent reads it
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, asked_to_stop.set)
    async with asyncio.TaskGroup() as group:
        group.create_task(bus.consume({source: handler}))
        group.create_task(bus.relay())
        await asked_to_stop.wait()
        await bus.stop()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
