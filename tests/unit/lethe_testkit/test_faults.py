from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from lethe_testkit.faults.catalogue import every
from lethe_testkit.faults.crashes import POINTS, a_few, leading, passing, plan
from lethe_testkit.faults.lanes import CRASH_PARTS, IN_ONE_GO, Item, in_one_go, planned
from lethe_testkit.faults.ledger import Ledger, build_of, last_of_each
from lethe_testkit.faults.matrix import BY_HAND, page, with_what_was_written_by_hand
from lethe_testkit.faults.row import Row, tell
from lethe_testkit.history import Backlog, Guarantee, Verdict, Violation
from lethe_testkit.history.collect import smaller
from lethe_testkit.patience import Patience

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
        missing=["e", "f"],
        mended=[row(fault="g", trouble="the machine slept")],
    )
    assert "**1 of 4 rows held**, 96 sagas" in written
    assert written.count("✗ 1") == 2
    assert "saga 1: link 2 stands where 1 is due" in written
    assert "Without a verdict: 2 of 6." in written
    assert "- e\n- f\n" in written
    assert "before one that did\n\n- g (seed 3): the machine slept" in written
    assert "3 sagas did not settle" in written
    assert tell(row()).startswith("held")
    assert tell(row(untrue=1)).startswith("BROKEN")


def test_what_a_person_wrote_behind_the_matrix_outlives_the_next_run() -> None:
    assert with_what_was_written_by_hand("new\n", f"old\n\n{BY_HAND}\n\nfound\n") == f"new\n\n{BY_HAND}\n\nfound\n"
    assert with_what_was_written_by_hand("new\n", "old") == "new\n"


def test_a_run_that_is_cut_short_goes_on_where_it_stopped_and_only_on_the_same_sources(tmp_path: Path) -> None:
    broken = Verdict((Violation(Guarantee.CHAIN, "saga 1"),))
    ledger = Ledger(tmp_path, "a", 1, 8)
    ledger.add(row(verdict=broken, fault="b"))
    ledger.add(row(observed=Counter({"links": 3})))
    ledger.add(row(fault="b"))
    with (tmp_path / "a-1-8.jsonl").open("a") as file:
        file.write('{"fault": "cut o')
    ledger.add(row(fault="d"))
    attempts = Ledger(tmp_path, "a", 1, 8).attempts()
    seen = [row(verdict=broken, fault="b"), row(observed=Counter({"links": 3})), row(fault="b"), row(fault="d")]
    assert attempts == seen
    assert [each.holds for each in last_of_each(attempts, ["b", "kill -9 intake", "c"])] == [True, True]
    assert Ledger(tmp_path, "z", 1, 8).attempts() == Ledger(tmp_path, "a", 2, 8).attempts() == []
    ledger.forget()
    assert ledger.attempts() == []


def test_another_statement_is_another_build_and_another_test_is_not(tmp_path: Path) -> None:
    product, kit, tests = (tmp_path / path for path in ("libs/vault/src", "libs/testkit/src", "tests"))
    for directory in (product, kit, tests):
        directory.mkdir(parents=True)
    (tmp_path / "requirements.lock").write_text("")
    before = build_of(tmp_path)
    (product / "notes.txt").write_text("no source")
    (kit / "row.py").write_text("another judge")
    (tests / "test_vault.py").write_text("another test")
    assert build_of(tmp_path) == before
    (product / "a.sql").write_text("SELECT 1")
    assert build_of(tmp_path) != before
    with_a = build_of(tmp_path)
    (tmp_path / "requirements.lock").write_text("another version")
    assert build_of(tmp_path) != with_a


def test_a_whole_run_plans_every_fault_and_every_crash_point_once() -> None:
    names = planned()
    assert len(names) == len(set(names)) == len(every()) + CRASH_PARTS
    assert planned("crash points") == names[-CRASH_PARTS:]


def test_faults_strike_in_one_go_up_to_the_one_that_needs_its_own() -> None:
    async def run(_: object) -> Row:
        raise AssertionError("nothing is run here")

    some = [fault for fault in every() if fault.kind == "one" and not fault.late]
    items = [Item(fault.name, 6, run, fault) for fault in some[: IN_ONE_GO + 2]]
    assert in_one_go(items) == items[:IN_ONE_GO]
    alone = Item("answers after the close", 6, run)
    assert in_one_go([items[0], alone, items[1]]) == items[:1]
    assert in_one_go([alone, items[0]]) == [alone]


def test_a_machine_that_stands_still_uses_up_nobodys_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("lethe_testkit.patience.time.monotonic", lambda: clock[0])
    patience = Patience(10)
    seen = []
    for passed in (0.2, 90.0, 300.0, 0.5, *[1.0] * 7, 0.4):
        clock[0] += passed
        seen.append(patience.over)
    assert seen == [False] * 11 + [True]


def test_what_passes_the_outbox_while_one_looks_is_not_left_in_it_and_what_stays_is() -> None:
    first = [Backlog("outbox", "orchestrator", 1), Backlog("outbox", "intake", 1), Backlog("queue", "shop", 2)]
    again = [Backlog("outbox", "orchestrator", 0), Backlog("outbox", "intake", 3)]
    assert [each.size for each in smaller(first, again)] == [0, 1, 0]
