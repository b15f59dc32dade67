"""GDPR Art. 12(3): more time only once, with reasons, told within the first period, and never for a refusal."""

import json
from datetime import timedelta

import pytest
from hypothesis import assume, settings
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from lethe_law import ClockError
from lethe_law.changes import ChangeRefused
from lethe_testkit.sagas import NOW, RETENTION, VERSION, Given, rules
from orchestrator.domain.certificate import certificate
from orchestrator.domain.clock import extended, late
from orchestrator.domain.deadlines import Deadlines
from orchestrator.domain.replay import replay
from orchestrator.domain.timers import next_moment

SHOP, CRM = rules("shop"), rules("crm")


def started(*processors, **more):
    return Given().received(**more).whatever().planned(*(processors or (SHOP,))).whatever()


def refused_code(given, *arguments, **more):
    with pytest.raises(ChangeRefused) as refused:
        given.extended(*arguments, **more)
    return refused.value.code


def clock_of(given):
    content = certificate(given.saga, links=len(given.links), head=given.links[-1].hash)
    return content["clock"]


def test_the_dates_move_and_what_moved_them_is_on_record():
    given = started()
    first = given.saga.clock
    given.pass_time(days=3).whatever().extended(2, ("complexity", "number_of_requests")).expect("tell fulfilling")
    clock = given.saga.clock
    assert first.due_legal < clock.due_legal <= NOW + timedelta(days=31 * 3 + 7)
    assert clock.due_strict <= clock.due_legal
    entry = json.loads([*given.history()][-1])
    assert (entry["kind"], entry["by"]) == ("extended", "kim")
    assert entry["event"]["reasons"] == ["complexity", "number_of_requests"]
    (change,) = clock_of(given)["changes"]
    assert (change["recorded_by"], change["further"], change["rule_version"]) == (
        "kim",
        2,
        clock.derivation["rule_version"],
    )
    assert clock_of(given)["first_due_legal"] == json.loads(next(iter(given.history())))["event"]["clock"]["due_legal"]
    assert replay(given.history(), {VERSION: {"shop": SHOP}}) == given.saga


def test_the_alarms_are_armed_anew_and_each_rung_rings_once_more():
    given = started()
    due = given.saga.clock.due_strict
    given.pass_time(seconds=(due - given.now).total_seconds() - 2 * 86400).whatever()
    assert given.saga.alerts == ("deadline_near",)
    given.extended(1).whatever()
    assert given.saga.alerts == ()
    assert given.saga.alarm == 0
    given.pass_time(days=90).whatever()
    rungs = [json.loads(line)["event"]["rung"] for line in given.history() if '"alarm_due"' in line]
    assert rungs == [0, 1, 0, 1, 2, 3]


def test_an_answer_within_the_longer_period_is_in_time():
    given = started().pass_time(days=20).whatever().extended(2).whatever().pass_time(days=40).whatever()
    given.retried("erase@shop").whatever().acked("erase@shop", "done").whatever()
    given.acked("verify@shop", "nothing_found").expect_state("closed")
    assert not late(given.saga)


def test_what_is_refused_in_part_is_judged_by_the_first_date_although_the_rest_was_extended():
    given = started(SHOP, CRM).pass_time(days=20).whatever().extended(2).whatever()
    extended_to = given.saga.clock.due_legal
    given.proposed("erase@shop").whatever().approved("erase@shop").whatever()
    moment = next_moment(given.saga, RETENTION)
    assert moment.due_at < extended_to - timedelta(days=30)
    given.pass_time(days=30).whatever()
    assert given.saga.alerts == ("deadline_missed",)
    given.retried("erase@crm").whatever().acked("erase@crm", "done").whatever()
    given.acked("verify@crm", "nothing_found").expect_state("closed")
    assert late(given.saga)
    assert clock_of(given)["judged_by"] == clock_of(given)["first_due_legal"]


def test_there_is_one_extension():
    assert refused_code(started().extended(1).whatever(), 1) == "extended_already"


def test_a_second_one_is_none_whoever_worked_the_dates_out():
    given = started().extended(1).whatever()
    later = given.saga.clock.due_legal + timedelta(days=9)
    given.extended(1, clock=Deadlines(later, later, "x", {})).expect_rejected("extended_already")


def test_a_notice_after_the_first_period_is_none():
    given = started()
    given.pass_time(seconds=(given.saga.clock.due_legal - given.now).total_seconds() - 1).whatever()
    before = given.saga.clock
    in_time = given.now
    given.pass_time(days=2).whatever()
    assert refused_code(given, 2) == "too_late"
    given.extended(2, notified_at=in_time).whatever()
    assert given.saga.clock.due_legal > before.due_legal


def test_the_last_second_counts_and_the_one_after_does_not_whoever_worked_the_dates_out():
    given = started()
    due = given.saga.clock.due_legal
    later = Deadlines(due + timedelta(days=30), due + timedelta(days=30), "x", {})
    given.pass_time(seconds=(due - given.now).total_seconds()).whatever()
    given.extended(1, clock=later).expect_rejected("too_late")
    given.extended(1, clock=later, notified_at=due - timedelta(seconds=1)).whatever()
    assert given.saga.clock is later


@pytest.mark.parametrize(("further", "code"), [(0, "too_long"), (3, "too_long"), (-1, "too_long")])
def test_it_is_one_or_two_further_months(further, code):
    assert refused_code(started(), further) == code


def test_it_needs_reasons():
    assert refused_code(started(), 2, ()) == "no_reasons"
    later = Deadlines(NOW + timedelta(days=80), NOW + timedelta(days=80), "x", {})
    started().extended(2, (), clock=later).expect_rejected("no_reasons")
    started().extended(2, (" ",), clock=later).expect_rejected("no_reasons")


def test_a_notice_before_the_request_or_in_the_future_is_none():
    assert refused_code(started(), 2, notified_at=NOW - timedelta(days=2)) == "before_receipt"
    assert refused_code(started(), 2, notified_at=NOW + timedelta(days=2)) == "in_the_future"
    later = Deadlines(NOW + timedelta(days=80), NOW + timedelta(days=80), "x", {})
    started().extended(clock=later, notified_at=NOW + timedelta(1)).expect_rejected("implausible_date")


def test_no_dates_that_lie_before_the_first_ones_or_the_wrong_way_round():
    given = started()
    due = given.saga.clock
    back = Deadlines(due.due_strict, due.due_legal, "x", {})
    given.extended(clock=back).expect_rejected("no_extension")
    later = due.due_legal + timedelta(days=30)
    given.extended(clock=Deadlines(later + timedelta(1), later, "x", {})).expect_rejected("no_extension")
    given.extended(clock=Deadlines(due.due_strict - timedelta(1), later, "x", {})).expect_rejected("no_extension")


@pytest.mark.parametrize("kept", ["exception", "retained"])
def test_what_is_refused_in_part_is_never_extended(kept):
    given = started(SHOP, CRM)
    if kept == "exception":
        given.proposed("erase@shop").whatever().approved("erase@shop").whatever()
    else:
        given.acked("erase@shop", "retained").whatever()
    assert refused_code(given, 2) == "refusal_never_extended"
    later = Deadlines(NOW + timedelta(days=80), NOW + timedelta(days=80), "x", {})
    given.extended(clock=later).expect_rejected("refusal_never_extended")


def test_nobody_who_was_answered_or_whose_request_is_over_is_told_of_more_time():
    later = Deadlines(NOW + timedelta(days=80), NOW + timedelta(days=80), "x", {})
    given = started().acked("erase@shop", "accepted", expected_by=NOW + timedelta(days=9)).whatever()
    given.expect_state("answered").extended(clock=later).expect_rejected("answered")
    started().withdrawn().whatever().extended(clock=later).expect_rejected("ended")
    closed = started().acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
    closed.extended(clock=later).expect_rejected("closed")


def test_where_no_calendar_is_known_no_clock_is_moved():
    given = started(country="ZZ")
    with pytest.raises(ClockError):
        given.extended(2)


def test_another_regime_has_its_own_extension():
    given = started(country="US-CA", regime="ccpa")
    first = given.saga.clock.due_legal
    given.extended(45).whatever()
    assert given.saga.clock.due_legal == first + timedelta(days=45)


@hypothesis_given(
    notified=st.integers(0, 120 * 24), recorded=st.integers(0, 200 * 24), further=st.integers(-1, 4), kept=st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_an_extension_holds_if_and_only_if_the_law_says_so(notified, recorded, further, kept):
    assume(recorded >= notified)
    given = started(SHOP, CRM)
    if kept:
        given.acked("erase@shop", "retained").whatever()
    first = given.saga.clock
    notified_at = NOW + timedelta(hours=notified)
    given.now = NOW + timedelta(hours=recorded)
    valid = not kept and 1 <= further <= 2 and notified_at < first.due_legal
    try:
        clock = extended(given.saga, further, ("complexity",), notified_at, by="kim", now=given.now)
    except ClockError:
        assert not valid
        return
    assert valid
    given.extended(further, notified_at=notified_at, clock=clock).whatever()
    assert first.due_legal < given.saga.clock.due_legal <= NOW + timedelta(days=92 + 7)
    assert first.due_strict <= given.saga.clock.due_strict <= given.saga.clock.due_legal
