"""One seeded schedule: a small installation suffers and heals, and what happened is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_testkit.history import Verdict, Violation, check
from lethe_testkit.history.verdict import Guarantee
from lethe_testkit.simulation.collect import collect
from lethe_testkit.simulation.installation import Installation
from lethe_testkit.simulation.world import SECOND

if TYPE_CHECKING:
    from collections import Counter

    from lethe_testkit.history import History

LONGEST = 60 * SECOND
"""Simulated time after which a schedule that did not come to rest is judged as it stands."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one schedule came to. `steps`: how many points it passed at which something could have happened."""

    seed: int
    verdict: Verdict
    history: History
    steps: int
    struck: Counter[str]
    trace: tuple[str, ...]


def simulate(seed: int, *, mutant: str = "", traced: bool = False) -> Outcome:
    """Run one schedule and judge it. The same arguments give the same outcome, on any machine.

    Every tenth seed goes deep: real links, and every saga's record replayed (see `core.Core`).
    """
    place = Installation(seed, mutant=mutant, deep=seed % 10 == 0, traced=traced)
    world = place.world
    world.run(place.quiet, LONGEST)
    history = collect(place)
    verdict = check(history)
    for row in place.saga_store.rows("saga").values() if verdict.holds else ():
        contents = [link.content for link in history.links if link.saga_id == row.saga.id]
        if not place.core.replays(row.saga, contents):
            verdict = Verdict(
                (Violation(Guarantee.CHAIN, f"saga {row.saga.id}: its record replays to something else"),)
            )
    return Outcome(seed, verdict, history, world.step, world.struck, tuple(world.trace or ()))
