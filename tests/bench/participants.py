"""Five Kafka-native processors in one process, whose tasks do nothing: what is measured is everything around them."""

import asyncio
import gc
import os
import sys

from lethe_participant import Participant, Result, Settings, Task

NAMES = ("p1", "p2", "p3", "p4", "p5")


def participant(name: str, settings: Settings) -> Participant:
    one = Participant(settings, processor_id=name, controller_id="acme", token_key=b"k" * 32)

    async def erased(tasks: list[Task]) -> list[Result]:
        return [Result.erased({"rows": 1}) for _ in tasks]

    async def looked(tasks: list[Task]) -> list[Result]:
        return [Result.found({}) for _ in tasks]

    one.erase_batch(erased)
    one.verify_batch(looked)
    return one


async def main() -> None:
    gc.freeze()
    gc.set_threshold(100_000)  # as Lethe's own services
    settings = Settings(kafka=os.environ["LETHE_KAFKA"])
    async with asyncio.TaskGroup() as group:
        for name in NAMES:
            group.create_task(participant(name, settings).run())


if __name__ == "__main__":
    try:
        import uvloop

        loop = uvloop.new_event_loop
    except ImportError:
        loop = None
    with asyncio.Runner(loop_factory=loop) as runner:
        sys.exit(runner.run(main()))
