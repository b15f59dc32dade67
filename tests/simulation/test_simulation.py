"""The guarantees under seeded schedules of loss, duplication, reordering, crashes, zombies and unknown commits.

`SEED` and `N` choose which schedules and how many; a failure names the command that replays it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lethe_testkit.simulation.run import replay_line, run
from lethe_testkit.simulation.schedule import simulate

SEED = int(os.environ.get("SEED", "0"))
N = int(os.environ.get("N", "100000" if os.environ.get("CI") else "4000"))
EXPECTED_STRIKES = {
    "kill",
    "freeze",
    "restart",
    "unknown commit",
    "failed produce",
    "ambiguous produce",
    "late read",
    "odd read",
    "odd processor",
    "poison",
    "explosive",
    "answer to nothing",
    "copy of an old message",
}


@pytest.mark.timeout(1200)
def test_every_guarantee_holds_in_every_schedule() -> None:
    report = run(SEED, N, processes=os.cpu_count() or 1)
    print(report)
    assert not report.failures, str(report)
    assert report.schedules == N
    if N >= 1000:
        assert set(report.struck) == EXPECTED_STRIKES, "a kind of fault never happened"
        assert report.closed > 0.9 * report.sagas


def fingerprint(seed: int, mutant: str = "") -> str:
    outcome = simulate(seed, mutant=mutant, traced=True)
    return hashlib.sha256("\n".join([*outcome.trace, repr(outcome.history)]).encode()).hexdigest()


def test_a_seed_replays_exactly_in_another_process_too() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import test_simulation as t; print(t.fingerprint(70))"
    found = {fingerprint(70)}
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        argv = [sys.executable, "-c", program, str(Path(__file__).parent)]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout.strip())
    assert len(found) == 1


def test_two_seeds_are_two_schedules() -> None:
    assert fingerprint(70) != fingerprint(71)


def test_a_failure_names_the_command_that_replays_it() -> None:
    report = run(0, 10, processes=1, mutant="poison_stops")
    assert report.failures
    seed = min(report.failures)
    assert f"replay: {replay_line(seed)}" in str(report)
    argv = [sys.executable, "-m", "lethe_testkit.simulation", str(seed), "--mutant", "poison_stops"]
    again = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert report.failures[seed] in again.stdout
    assert replay_line(seed, "poison_stops").split()[1:] == argv[1:]


def test_a_schedule_that_holds_ends_with_code_0() -> None:
    argv = [sys.executable, "-m", "lethe_testkit.simulation", "3"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "everything held" in done.stdout
