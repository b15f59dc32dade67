"""`make faults`: breaks a whole stack in every way and says what held.

From the environment: FAULTS=full runs every fault, each judged for itself, and writes docs/faults.md; without it a
selection of a few minutes runs, the same as in `make test`. SEED chooses the moments and victims, N how many people ask
during each fault. Arguments are a part of a fault's name: those alone are run, and nothing is written.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import time
from pathlib import Path

from lethe_local.engines import jars, postgres
from lethe_testkit.faults.campaign import Row, run_all, run_selection
from lethe_testkit.faults.catalogue import every
from lethe_testkit.faults.matrix import page

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
BEGUN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGUN:7.1f} s  {text}", flush=True)


async def run(words: list[str], seed: int, people: int) -> list[Row]:
    if words:
        return await run_all(seed, say, only=" ".join(words), people=people)
    if os.environ.get("FAULTS") == "full":
        rows: list[Row] = []

        def told(row: Row) -> None:
            rows.append(row)
            write(rows, seed, people)

        return await run_all(seed, say, people=people, told=told)
    return await run_selection(seed, say)


def versions() -> str:
    return (
        f"Kafka {jars.KAFKA_VERSION}, PostgreSQL {postgres.MAJOR}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, everything on one machine."
    )


def write(rows: list[Row], seed: int, people: int) -> None:
    """After each row, so that a run that is cut short leaves what it saw."""
    command = f"make faults FAULTS=full SEED={seed} N={people}"
    PAGE.write_text(page(rows, versions=versions(), command=command, planned=len(every()) + 1), encoding="utf-8")


def main() -> int:
    seed, people = int(os.environ.get("SEED", "1")), int(os.environ.get("N", "24"))
    words = sys.argv[1:]
    rows = asyncio.run(run(words, seed, people))
    if os.environ.get("FAULTS") == "full" and not words:
        write(rows, seed, people)
        say(f"written: {PAGE}")
    broken = [row for row in rows if not row.holds]
    say(f"{len(rows) - len(broken)} of {len(rows)} held, {sum(row.sagas for row in rows)} sagas, seed {seed}")
    for row in broken:
        say(f"broken: {row.fault}: {row.trouble}")
        for violation in row.verdict.violations:
            say(f"    {violation}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
