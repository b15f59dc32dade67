"""A request that ends before it is carried out: nothing new is asked, what was asked is waited for and told."""

import json
from datetime import timedelta

import pytest

from lethe_events.words import Right
from lethe_testkit.sagas import NEXT_VERSION, VERSION, Given, rules
from orchestrator.domain.certificate import certificate
from orchestrator.domain.clock import late
from orchestrator.domain.replay import replay
from orchestrator.domain.resume import resume
from orchestrator.domain.timers import Kind, next_moment

SHOP, CRM = rules("shop"), rules("crm", after=("shop",))
RETENTION = timedelta(days=30)


def started(*processors, right=Right.ERASURE):
    return Given().received(right).whatever().planned(*(processors or (SHOP, CRM))).whatever()


def document(given):
    return certificate(given.saga, links=len(given.links), head=given.links[-1].hash)


class TestWithdrawal:
    def test_nothing_new_is_asked_and_the_last_answer_closes_it(self):
        given = started().withdrawn().expect("tell fulfilling")
        assert given.status("erase@crm") == given.status("verify@shop") == "cancelled"
        given.acked("erase@shop", "done").expect("tell closed")
        assert given.task("erase@shop").answer.outcome == "done"
        found = document(given)
        assert found["result"] == "withdrawn"
        assert found["ended"]["result"] == "withdrawn"
        assert {p["processor"]: p["verdict"] for p in found["processors"]} == {"shop": "look_owed", "crm": "work_owed"}
        short = {n["processor"] for n in found["not_proven"] if n["code"] == "not_carried_out"}
        assert short == {"shop", "crm"}

    def test_where_nothing_is_in_flight_it_closes_at_once(self):
        given = started(SHOP).acked("erase@shop", "transient").whatever()
        given.withdrawn().expect("tell closed")
        assert given.status("erase@shop") == "cancelled"

    def test_before_its_scope_is_planned_it_closes_at_once(self):
        Given().received().whatever().withdrawn().expect("tell closed")
        alarmed = Given().received().whatever().planned().whatever()
        alarmed.withdrawn().expect("resolve scope_empty", "tell closed")

    def test_a_second_one_changes_nothing(self):
        given = started().withdrawn().whatever().withdrawn().expect_ignored()
        given.acked("erase@shop", "done").whatever().withdrawn().expect_ignored()

    def test_after_closing_it_comes_too_late(self):
        given = started(SHOP).acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
        given.withdrawn().expect_ignored()
        assert "too late" in given.decision.detail
        assert document(given)["result"] == "granted"

    def test_the_last_answer_and_the_withdrawal_are_decided_by_who_comes_first(self):
        before = started(SHOP).acked("erase@shop", "done").whatever().withdrawn().expect("tell fulfilling")
        before.acked("verify@shop", "nothing_found").expect("tell closed")
        assert document(before)["result"] == "withdrawn"
        assert document(before)["processors"][0]["verdict"] == "proven"

    def test_another_controllers_word_is_no_withdrawal(self):
        started().withdrawn(controller_id="other").expect_rejected("wrong_controller")

    def test_a_question_that_nobody_answers_calls_a_person_and_is_not_asked_again(self):
        given = started(SHOP).withdrawn().whatever().pass_time(hours=1)
        given.expect("open no_answer: erase@shop#1", "tell fulfilling")
        given.retried("erase@shop").expect_rejected("ended")
        given.pass_time(days=90).expect()
        given.acked("erase@shop", "done").expect("resolve no_answer: erase@shop#1", "tell closed")

    def test_two_people_may_end_the_wait(self):
        given = started(SHOP).withdrawn().whatever().proposed("erase@shop").expect()
        given.approved("erase@shop").expect("tell closed")

    def test_a_question_that_was_missed_before_is_still_waited_for(self):
        given = started(SHOP).pass_time(hours=2).whatever()
        while given.status("erase@shop") != "incident":
            given.pass_time(hours=1).whatever()
        given.withdrawn().expect("tell fulfilling")
        given.acked("erase@shop", "done").expect("resolve no_answer: erase@shop#1", "tell closed")

    def test_an_incident_that_has_its_answer_ends(self):
        given = started(SHOP).acked("erase@shop", "permanent").whatever()
        given.withdrawn().expect("resolve failed_permanently: erase@shop#1", "tell closed")

    @pytest.mark.parametrize("outcome", ["accepted", "transient", "permanent", "needs_person", "retained"])
    def test_whatever_the_last_answer_is_it_is_recorded_and_nothing_follows(self, outcome):
        given = started(SHOP).withdrawn().whatever()
        more = {"expected_by": given.now + timedelta(days=9)} if outcome == "accepted" else {}
        given.acked("erase@shop", outcome, **more).expect("tell closed")
        assert given.task("erase@shop").answer.outcome in {outcome, "failed"}
        assert next_moment(given.saga, RETENTION).kind is Kind.RETENTION

    def test_data_that_the_last_look_finds_is_recorded_and_not_erased(self):
        given = started(SHOP).acked("erase@shop", "done").whatever().withdrawn().whatever()
        given.acked("verify@shop", "residual").expect("tell closed")
        assert document(given)["processors"][0]["verdict"] == "look_owed"

    def test_a_vendors_promise_stands_and_nobody_looks(self):
        given = started(SHOP).acked("erase@shop", "accepted", expected_by=Given().now + timedelta(days=9)).whatever()
        given.withdrawn().expect("tell closed")
        assert document(given)["processors"][0]["tasks"][0]["promised_for"]

    def test_the_moment_of_a_promise_that_nobody_looks_at_wakes_nobody(self):
        given = started(SHOP, rules("post"))
        given.acked("erase@shop", "accepted", expected_by=given.now + timedelta(seconds=9)).whatever()
        given.withdrawn().whatever()
        assert next_moment(given.saga, RETENTION).task_id == given.task("erase@post").id

    def test_a_processor_that_is_registered_meanwhile_is_not_asked(self):
        given = started(SHOP).withdrawn().whatever()
        given.joined(rules("new", register_version=NEXT_VERSION)).expect_ignored()

    def test_the_clock_stops_with_the_withdrawal(self):
        given = started(SHOP).withdrawn().whatever().pass_time(hours=1).whatever()
        assert next_moment(given.saga, RETENTION) is None
        given.pass_time(days=60).expect().acked("erase@shop", "done").whatever()
        assert not late(given.saga)
        overdue = started(SHOP).pass_time(days=60).whatever().withdrawn()
        overdue.expect("resolve deadline_missed", "tell fulfilling")
        assert late(overdue.saga)

    def test_what_is_outstanding_is_only_what_was_asked(self):
        given = started().withdrawn().whatever()
        assert [c.task.name for c in resume(given.saga)] == ["erase@shop#1"]

    def test_an_access_whose_parts_are_there_makes_no_package(self):
        given = started(SHOP, right=Right.ACCESS).withdrawn().whatever()
        given.acked("export@shop", "done").expect("tell closed")

    def test_it_is_on_record_and_decided_again_as_it_was(self):
        given = started().withdrawn(by="kim").whatever().acked("erase@shop", "done").whatever()
        entry = json.loads([*given.history()][2])
        assert (entry["kind"], entry["by"], entry["effect"]["state"]) == ("withdrawn", "kim", "ending")
        assert entry["effect"]["article"].startswith("GDPR Art.")
        assert replay(given.history(), {VERSION: {"shop": SHOP, "crm": CRM}}) == given.saga
        assert document(given)["ended"]["recorded_by"] == "kim"
