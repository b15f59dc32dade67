"""The simulation and its judge, tested by mistakes: each has to be caught, and what is no mistake has to pass."""

from __future__ import annotations

import pytest

from lethe_testkit.history import Guarantee
from lethe_testkit.simulation.mutants import HARMLESS, MUTANTS, SEEDS
from lethe_testkit.simulation.run import caught
from lethe_testkit.simulation.schedule import simulate

MEANT = {
    "202_before_commit": Guarantee.KEPT,
    "no_idempotency_key": Guarantee.ONE_SAGA,
    "offset_first": Guarantee.KEPT,
    "unreadable_are_skipped": Guarantee.PARKED,
    "parked_are_dropped": Guarantee.PARKED,
    "no_outbox_row": Guarantee.KEPT,
    "publish_before_commit": Guarantee.NOTHING_UNASKED,
    "relay_asleep": Guarantee.DRAINED,
    "relay_without_order": Guarantee.ORDER,
    "no_lease_check": Guarantee.ONE_OWNER,
    "every_copy_counts": Guarantee.ONE_ANSWER,
    "late_answers_are_applied": Guarantee.QUIET,
    "closes_without_looking": Guarantee.NOT_EARLY,
    "excepted_are_asked": Guarantee.HOLDS,
    "timers_fire_early": Guarantee.ALARMS,
    "fired_timers_are_forgotten": Guarantee.TIMERS,
    "alarms_are_told_apart": Guarantee.ALARMS,
    "every_delivery_is_a_job": Guarantee.ONE_EFFECT,
    "key_per_attempt": Guarantee.ONE_EFFECT,
    "settled_without_fence": Guarantee.ONE_ANSWER,
}
"""Where a mistake has one guarantee that it is about, it has to be seen by that one."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_mistake_is_caught(mutant: str) -> None:
    assert caught(mutant, range(SEEDS)) is not None


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("mutant", "guarantee"), MEANT.items())
def test_it_is_caught_by_the_guarantee_that_it_breaks(mutant: str, guarantee: Guarantee) -> None:
    assert any(guarantee in simulate(seed, mutant=mutant).verdict.broken for seed in range(SEEDS))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mistake", ["", *HARMLESS])
def test_what_a_second_line_of_defence_makes_harmless_passes_like_no_mistake(mistake: str) -> None:
    assert caught(mistake, range(400)) is None


def test_there_are_enough_of_them_and_each_says_what_it_is() -> None:
    assert len(MUTANTS) >= 20
    assert not MUTANTS.keys() & HARMLESS.keys()
    assert len({*MUTANTS.values()}) == len(MUTANTS)
