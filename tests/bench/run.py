"""How much Lethe carries on this machine, through the whole real path, with the machine's own limits beside it.

    make bench                       everything, about six minutes
    make bench ARGS="--only W"       one workload

W: one DSR, five Kafka-native processors, five acks, closed. WV: the same with a verify task for each.
S: erasure of persons with about 25 rows over 11 related tables in PostgreSQL, verified. I: intake alone.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import http_load  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import naive  # noqa: E402
import stacks  # noqa: E402
from report import Session, page  # noqa: E402

from lethe_testkit.stack import Stack  # noqa: E402

FLOORS = {"W": 600, "WV": 350, "S": 200, "I": 2000}
P99_FLOOR_MS = 500
SCALE = HERE.parents[1] / "docs" / "scale.json"
"""What `scale.py --write` found with a million open sagas, in a run of its own."""


def _twice(stack: Stack, name: str, make: Callable[[], http_load.MakeRequest], seconds: float) -> list[measure.Run]:
    """A short run that warms everything up, one as fast as it goes, one at half of that."""

    async def both() -> list[measure.Run]:
        await measure.sagas(stack, f"{name} warm-up", make(), seconds=2, rate=None)
        full = await measure.sagas(stack, name, make(), seconds=seconds, rate=None)
        rate = max(1.0, full.closed_per_second / 2)
        half = await measure.sagas(stack, f"{name} at half load", make(), seconds=seconds, rate=rate)
        watched = await measure.profiled(stack, name, make(), seconds=min(seconds, 10.0), rate=rate * 1.6)
        half.profiles = watched.profiles
        return [full, half]

    return asyncio.run(both())


def kafka_native(seconds: float, *, verified: bool) -> list[measure.Run]:
    with stacks.kafka_native(verified=verified) as stack:
        token = stack.token()

        def make() -> http_load.MakeRequest:
            return measure.padded(http_load.dsr_requests(token, "acme"))

        return _twice(stack, "WV" if verified else "W", make, seconds)


def shop(seconds: float) -> list[measure.Run]:
    people = int(seconds * 1500) + 2000
    with stacks.shop(people) as stack:
        token, next_person = stack.token(), iter(range(1, people, people // 4))

        def make() -> http_load.MakeRequest:
            return measure.of_people(token, next(next_person), secrets.token_hex(4))

        async def some(count: int, name: str, rate: float | None) -> measure.Run:
            """A number of persons instead of a time: intake would take more than there are."""
            return await measure.sagas(stack, name, make(), seconds=count / rate if rate else count, rate=rate)

        async def all_of_it() -> list[measure.Run]:
            await some(300, "S warm-up", 300.0)
            full = await some(int(people * 0.2), "S", 1500.0)
            half_rate = full.closed_per_second / 2
            half = await some(int(min(half_rate * seconds, people * 0.2)), "S at half load", half_rate)
            watched = min(10.0, people * 0.2 / (half_rate * 1.6))
            half.profiles = (await measure.profiled(stack, "S", make(), seconds=watched, rate=half_rate * 1.6)).profiles
            return [full, half]

        return asyncio.run(all_of_it())


def intake(seconds: float) -> list[measure.Run]:
    """Nobody takes the requests up: the orchestrator and the workers are not started."""
    with Stack(
        without=("orchestrator", "erasure_worker", "export_worker", "breach_notifier", "helpdesk", "warehouse"),
        people=50,
    ) as stack:
        make = measure.padded(http_load.dsr_requests(stack.token(), "acme"))
        url = stack.url("intake")

        async def both() -> list[measure.Run]:
            full = await http_load.closed(url, make, connections=64, seconds=seconds, warm_up=2)
            later = measure.padded(http_load.dsr_requests(stack.token(), "acme"))
            half = await http_load.open_rate(url, later, connections=64, rate=full.rate / 2, seconds=seconds)
            return [
                measure.Run("I", full.statuses[202], intake=full.summary()),
                measure.Run("I at half load", half.statuses[202], offered=full.rate / 2, intake=half.summary()),
            ]

        return asyncio.run(both())


def beside() -> tuple[machine.Limits, naive.Naive, dict[str, str]]:
    """What the machine gives, what a naive consumer makes of it, and how the engines are set, without our services."""
    with Stack(
        without=(
            "intake",
            "orchestrator",
            "erasure_worker",
            "export_worker",
            "breach_notifier",
            "helpdesk",
            "warehouse",
        ),
        people=50,
    ) as stack:

        async def all_of_it() -> tuple[machine.Limits, naive.Naive, dict[str, str]]:
            found = await machine.measure(stack.kafka, stack.database(), "dsr.status")
            by_hand = await naive.measure(stack.kafka, stack.database())
            return found, by_hand, await stacks.settings(stack)

        return asyncio.run(all_of_it())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=list(FLOORS), action="append")
    parser.add_argument("--seconds", type=float, default=15.0, help="of submitting, per measurement")
    parser.add_argument("--write", type=Path, help="write the page there, and the raw figures beside it as JSON")
    given = parser.parse_args()
    chosen = given.only or list(FLOORS)
    before = ", ".join(f"{n:.1f}" for n in os.getloadavg())
    found, by_hand, engines = beside()
    print(json.dumps({"machine": asdict(found), "naive": asdict(by_hand)}, indent=1), flush=True)
    runs: list[measure.Run] = []
    for name in chosen:
        print(f"workload {name} …", flush=True)
        runs += {
            "W": lambda: kafka_native(given.seconds, verified=False),
            "WV": lambda: kafka_native(given.seconds, verified=True),
            "S": lambda: shop(given.seconds),
            "I": lambda: intake(given.seconds),
        }[name]()
        print(json.dumps([asdict(r) for r in runs[-2:]], indent=1, default=str), flush=True)
    scale = json.loads(SCALE.read_text()) if SCALE.exists() else None
    settings = {
        **engines,
        "load average before": before,
        "seconds of submitting": f"{given.seconds:g}",
        "connections": "48 (full), 64 (at a rate)",
    }
    text = page(
        Session(found, by_hand, runs, settings, scale, stacks.versions(), platform.platform()), FLOORS, P99_FLOOR_MS
    )
    print(text)
    if given.write:
        given.write.write_text(text)
        raw = {"machine": asdict(found), "naive": asdict(by_hand), "settings": settings}
        raw["runs"] = [asdict(r) for r in runs]
        given.write.with_suffix(".json").write_text(stacks.dump(raw) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
