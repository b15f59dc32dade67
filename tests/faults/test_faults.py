"""A whole stack under load: it dies at some crash points, then meets a selection of faults. `make faults` does more.

Nothing is lost, nothing doubled, nothing closed too early, and no human is needed.
"""

import os
from datetime import UTC, datetime

import pytest

from lethe_testkit.faults.campaign import CRASHES_EACH, run_selection
from lethe_testkit.faults.crashes import SERVICES

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]


def _seed() -> int:
    """Another one each day, so that in time all points and moments are seen; a failure names it."""
    return int(os.environ.get("SEED") or datetime.now(UTC).date().toordinal())


async def test_every_guarantee_holds_whatever_breaks_and_wherever_a_process_dies() -> None:
    seed = _seed()
    told = [f"SEED={seed}"]
    crashed, together = await run_selection(seed, told.append)
    trail = "\n".join(told)
    assert crashed.holds, trail
    assert crashed.done["crashes"] == CRASHES_EACH * len(SERVICES), trail
    assert together.holds, trail
    assert together.done["cut"] > 10, "answers were lost on the way"
    assert together.done["killed"] > 10, trail
    assert together.observed["parked"] > 0, "garbage was put aside"
    assert together.observed["effects"] > 100, "the processors' own books were read"
