"""Replays one schedule and tells what happened in it, or runs many: `python -m lethe_testkit.simulation SEED`."""

from __future__ import annotations

import argparse
import os
import sys

from lethe_testkit.simulation.mutants import HARMLESS, MUTANTS
from lethe_testkit.simulation.run import run
from lethe_testkit.simulation.schedule import simulate


def main() -> int:
    """Exit code 1 where a guarantee was broken."""
    parser = argparse.ArgumentParser(prog="python -m lethe_testkit.simulation", description=__doc__)
    parser.add_argument("seed", type=int, help="the schedule, or the first of many")
    parser.add_argument("--count", type=int, default=1, help="how many schedules from there on")
    parser.add_argument(
        "--mutant", default="", choices=["", *MUTANTS, *HARMLESS], metavar="NAME", help="a mistake to make"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    if given.count > 1:
        report = run(given.seed, given.count, given.processes, given.mutant)
        sys.stdout.write(f"{report}\n")
        return 1 if report.failures else 0
    outcome = simulate(given.seed, mutant=given.mutant, traced=True)
    sys.stdout.write("\n".join([*outcome.trace, str(outcome.verdict), ""]))
    return 0 if outcome.verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
