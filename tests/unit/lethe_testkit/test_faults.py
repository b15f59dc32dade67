from __future__ import annotations

from collections import Counter
from random import Random

from lethe_testkit.faults.campaign import Row, tell
from lethe_testkit.faults.catalogue import every
from lethe_testkit.faults.crashes import POINTS, a_few, leading, passing, plan
from lethe_testkit.faults.matrix import page
from lethe_testkit.history import Guarantee, Verdict, Violation


def row(**changes: object) -> Row:
    facts = {
        "fault": "kill -9 intake",
        "seed": 3,
        "done": Counter({"killed": 2}),
        "sagas": 24,
        "with_incident": 1,
        "again": 2,
        "seconds": 16.0,
        "verdict": Verdict(),
        "untrue": 0,
    }
    return Row(**{**facts, **changes})  # type: ignore[arg-type]


def test_each_crash_point_is_died_at_in_every_service_that_passes_it() -> None:
    whole = plan(Random(1))
    assert {(s, p) for s, points in whole.items() for p in points} == {(s, p) for p in POINTS for s in passing(p)}
    assert plan(Random(5)) == plan(Random(5)) != plan(Random(6))


def test_the_seeds_of_a_year_choose_nearly_every_crash_point_of_every_service() -> None:
    assert a_few(Random(5), 3) == a_few(Random(5), 3)
    assert all(len(points) == len(set(points)) == 3 for points in a_few(Random(5), 3).values())
    chosen = {(s, p) for seed in range(365) for s, points in a_few(Random(seed), 3).items() for p in points}
    left = {p for s, points in plan(Random(1)).items() for p in points if (s, p) not in chosen}
    assert {p.split(".")[0] for p in left} == {"relay", "vault", "batch"}
    assert len(left) < 10


def test_the_relay_has_something_to_find_because_somebody_dies_before_with_a_full_outbox() -> None:
    assert all(leading(p, s) for p in POINTS if p.startswith("relay.") for s in passing(p))
    assert not any(leading(p, s) for p in POINTS if not p.startswith("relay.") for s in passing(p))


def test_no_two_faults_have_one_name_and_the_selection_is_a_part_of_them() -> None:
    names = [fault.name for fault in every()]
    assert len(names) == len(set(names))
    assert 8 < sum(fault.quick for fault in every()) < len(names)
    assert all(fault.kind == "one" for fault in every() if fault.quick)


def test_the_matrix_says_what_broke_and_does_not_call_a_hung_row_held() -> None:
    broken = Verdict((Violation(Guarantee.CHAIN, "saga 1: link 2 stands where 1 is due"),))
    written = page(
        [
            row(),
            row(fault="b", verdict=broken),
            row(fault="c", trouble="3 sagas did not settle"),
            row(fault="d", untrue=1),
        ],
        versions="v",
        command="make faults",
        planned=6,
    )
    assert "**1 of 4 rows held**, 96 sagas" in written
    assert written.count("✗ 1") == 2
    assert "saga 1: link 2 stands where 1 is due" in written
    assert "2 faults were not reached" in written
    assert "3 sagas did not settle" in written
    assert tell(row()).startswith("held")
    assert tell(row(untrue=1)).startswith("BROKEN")
