"""`make faults`: breaks a whole stack in every way and says what held.

From the environment: FAULTS=full runs every fault, each judged for itself, and writes docs/faults.md; without it a
selection of a few minutes runs, the same as in `make test`. SEED chooses the moments and victims, N how many people ask
during each fault. A full run that is cut short goes on where it stopped when it is started again on the same sources,
seed and N, and tries again what did not hold; FRESH=1 begins anew. It ends with 0 only if every row has held. Arguments
are a part of a fault's name: those alone are run, and nothing is written.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lethe_local.engines import jars, postgres
from lethe_testkit.faults.campaign import run_selection
from lethe_testkit.faults.lanes import Run, planned, run_all
from lethe_testkit.faults.ledger import Ledger, build_of, last_of_each
from lethe_testkit.faults.matrix import page, with_what_was_written_by_hand

if TYPE_CHECKING:
    from lethe_testkit.faults.row import Row

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
BEGUN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGUN:7.1f} s  {text}", flush=True)


def full(seed: int, people: int) -> tuple[list[Row], list[str]]:
    """The last attempt at each row, and the rows that have none."""
    build = build_of(ROOT)
    ledger = Ledger(ROOT / ".local" / "faults", build, seed, people)
    if os.environ.get("FRESH"):
        ledger.forget()

    def told(row: Row) -> None:
        ledger.add(row)
        write(ledger, build, seed, people)

    held = {row.fault for row in last_of_each(ledger.attempts(), planned()) if row.holds}
    if held:
        say(f"{len(held)} of {len(planned())} rows have held on this build already: going on with the others")
    asyncio.run(run_all(Run(seed, people, say, told), done=held))
    return write(ledger, build, seed, people)


def write(ledger: Ledger, build: str, seed: int, people: int) -> tuple[list[Row], list[str]]:
    """After each row, so that a run that is cut short leaves what it saw."""
    attempts = ledger.attempts()
    rows = last_of_each(attempts, planned())
    missing = [name for name in planned() if name not in {row.fault for row in rows}]
    mended = [row for row in attempts if not row.holds and row not in rows]
    command = f"make faults FAULTS=full SEED={seed} N={people}"
    written = page(rows, versions=versions(build), command=command, missing=missing, mended=mended)
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(with_what_was_written_by_hand(written, before), encoding="utf-8")
    return rows, missing


def some(words: list[str], seed: int, people: int) -> list[Row]:
    rows: list[Row] = []
    if words:
        asyncio.run(run_all(Run(seed, people, say, rows.append), only=" ".join(words)))
    else:
        rows += asyncio.run(run_selection(seed, say))
    return rows


def versions(build: str) -> str:
    return (
        f"All rows are from one build, sources {build}. Kafka {jars.KAFKA_VERSION}, PostgreSQL {postgres.MAJOR}, "
        f"Python {platform.python_version()}, {os.cpu_count()} cores, everything on one machine."
    )


def main() -> int:
    seed, people = int(os.environ.get("SEED", "1")), int(os.environ.get("N", "24"))
    words = sys.argv[1:]
    missing: list[str] = []
    if os.environ.get("FAULTS") == "full" and not words:
        rows, missing = full(seed, people)
        say(f"written: {PAGE}")
    else:
        rows = some(words, seed, people)
    broken = [row for row in rows if not row.holds]
    say(f"{len(rows) - len(broken)} of {len(rows)} held, {sum(row.sagas for row in rows)} sagas, seed {seed}")
    for row in broken:
        say(f"broken: {row.fault}: {row.trouble}")
        for violation in row.verdict.violations:
            say(f"    {violation}")
    for name in missing:
        say(f"without a verdict: {name}")
    return 1 if broken or missing or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
