"""Many schedules at once: spread over processes, summed up, with a line for each failure that replays it."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lethe_testkit.simulation.schedule import simulate

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHARE = 250
"""Schedules that a process takes at a time."""
_ENOUGH = 20
"""Failures that are told in full."""


@dataclass(slots=True)
class Report:
    """`failures`: seed → what was broken. `struck`: how often what went wrong. `steps`: points passed in all."""

    schedules: int = 0
    steps: int = 0
    closed: int = 0
    sagas: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, other: Report) -> None:
        self.schedules += other.schedules
        self.steps += other.steps
        self.closed += other.closed
        self.sagas += other.sagas
        self.struck.update(other.struck)
        self.failures.update(other.failures)

    def __str__(self) -> str:
        faults = ", ".join(f"{count} × {what}" for what, count in sorted(self.struck.items()))
        sagas = f"{self.sagas} sagas ({self.closed} closed)"
        lines = [f"{self.schedules} schedules, {self.steps} steps, {sagas}; faults: {faults}"]
        for seed, broken in sorted(self.failures.items())[:_ENOUGH]:
            lines += [f"seed {seed}: {broken}", f"  replay: {replay_line(seed)}"]
        if len(self.failures) > _ENOUGH:
            lines.append(f"… and {len(self.failures) - _ENOUGH} more")
        return "\n".join(lines)


def replay_line(seed: int, mutant: str = "") -> str:
    """The command that runs this very schedule again and tells every step of it."""
    return f"python -m lethe_testkit.simulation {seed}" + (f" --mutant {mutant}" if mutant else "")


def run_share(seeds: Iterable[int], mutant: str = "") -> Report:
    """In this process, one after the other. An exception in a schedule is a failure of that seed."""
    report = Report()
    for seed in seeds:
        report.schedules += 1
        try:
            outcome = simulate(seed, mutant=mutant)
        except Exception as error:  # noqa: BLE001 - it must not hide the other seeds
            report.failures[seed] = f"{type(error).__name__}: {error}"
            continue
        report.steps += outcome.steps
        report.struck.update(outcome.struck)
        report.sagas += len(outcome.history.sagas)
        report.closed += sum(saga.closed_at is not None for saga in outcome.history.sagas)
        if not outcome.verdict.holds:
            report.failures[seed] = str(outcome.verdict)
    return report


def run(first: int, count: int, processes: int, mutant: str = "") -> Report:
    """Seeds `first` to `first + count - 1`, in so many processes."""
    shares = [range(at, min(at + _SHARE, first + count)) for at in range(first, first + count, _SHARE)]
    report = Report()
    if processes == 1 or len(shares) == 1:
        for share in shares:
            report.add(run_share(share, mutant))
        return report
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawning) as pool:
        for found in pool.map(run_share, shares, [mutant] * len(shares)):
            report.add(found)
    return report


def caught(mutant: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first of these seeds in which the checker sees this mistake, and what it says; None if it never does."""
    for seed in seeds:
        outcome = simulate(seed, mutant=mutant)
        if not outcome.verdict.holds:
            return seed, str(outcome.verdict)
    return None
