"""What people may do, what the clock does, and what is refused."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from lethe_events.words import Outcome, Right, Verb
from lethe_testkit.sagas import NEXT_VERSION, RETENTION, VERSION, Given, rules
from orchestrator.domain.clock import late
from orchestrator.domain.closing import result, verdicts
from orchestrator.domain.deadlines import Deadlines
from orchestrator.domain.events import AlarmDue
from orchestrator.domain.rules import Unverifiable
from orchestrator.domain.timers import Kind, due_events, next_moment

SHOP, CRM = rules("shop"), rules("crm")


def started(*processors, **more):
    return Given().received(**more).expect().planned(*(processors or (SHOP,))).whatever()


def closed():
    return started().acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()


class TestExceptions:
    def test_it_needs_a_second_person(self):
        given = started().proposed("erase@shop", by="kim").expect()
        given.approved("erase@shop", by="kim").expect_rejected("same_person")
        given.approved("erase@shop", by="robin").expect("tell closed")
        assert verdicts(Right.ERASURE, False, given.saga.tasks) == {"shop": "excepted"}
        assert result(given.saga) == "partially_granted"

    def test_it_needs_a_proposal(self):
        started().approved("erase@shop").expect_rejected("nothing_proposed")

    def test_what_is_settled_cannot_be_excepted(self):
        started(SHOP, CRM).acked("erase@shop", "done").whatever().proposed("erase@shop").expect_rejected("settled")

    def test_the_package_cannot_be_excepted(self):
        given = started(export_first=True).acked("export@shop", "permanent").whatever()
        given.proposed("package@lethe-package").expect_rejected("package")

    def test_excepting_an_erasure_excepts_its_verification_and_what_comes_after_goes_on(self):
        given = started(SHOP, rules("crm", after=("shop",))).proposed("erase@shop").whatever()
        given.approved("erase@shop").expect("ask erase@crm#1/1")
        assert given.status("verify@shop") == "excepted"

    def test_what_was_done_in_spite_of_an_exception_is_recorded(self):
        given = started(SHOP, CRM).proposed("erase@shop").whatever().approved("erase@shop").whatever()
        given.acked("erase@shop", "done").expect()
        assert given.status("erase@shop") == "excepted"
        assert given.task("erase@shop").answer.outcome is Outcome.DONE

    def test_an_incident_ends_with_the_exception(self):
        given = started().acked("erase@shop", "permanent").whatever().proposed("erase@shop").expect()
        given.approved("erase@shop").expect("resolve failed_permanently: erase@shop#1", "tell closed")

    def test_excepting_only_the_look_keeps_the_erasure_owed(self):
        given = started().proposed("verify@shop").whatever().approved("verify@shop").expect()
        given.acked("erase@shop", "done").expect("tell closed")


class TestRetry:
    def test_a_blocked_task_is_not_asked_out_of_turn(self):
        started(SHOP, rules("crm", after=("shop",))).retried("erase@crm").expect_rejected("blocked")

    def test_a_settled_task_is_not_asked_again(self):
        started(SHOP, CRM).acked("erase@shop", "done").whatever().retried("erase@shop").expect_rejected("settled")

    def test_a_waiting_task_is_asked_at_once(self):
        given = started().acked("erase@shop", "transient").expect()
        given.retried("erase@shop").expect("ask erase@shop#1/2")

    def test_a_retry_follows_the_register_as_it_is_now(self):
        given = started().acked("erase@shop", "permanent").whatever()
        newer = rules("shop", register_version=NEXT_VERSION, ack_within=timedelta(hours=1))
        given.retried("erase@shop", rules=newer).whatever()
        assert given.task("erase@shop").due_at == given.now + timedelta(hours=1)

    def test_a_person_may_look_early_but_not_take_a_promise_for_kept(self):
        given = started().acked("erase@shop", "accepted", expected_by=Given().now + timedelta(days=9)).whatever()
        given.retried("erase@shop").expect("ask verify@shop#1/1").expect_state("answered")
        given.acked("verify@shop", "nothing_found").expect("tell closed")

    def test_where_nobody_can_look_a_promise_waits_for_its_moment(self):
        given = started(rules("post", unverifiable=Unverifiable("x", "GDPR Art. 5(2)", "y")))
        given.acked("erase@post", "accepted", expected_by=given.now + timedelta(days=9)).whatever()
        given.retried("erase@post").expect_rejected("promised")


class TestClock:
    def test_each_rung_rings_once(self):
        given = started()
        due = given.saga.clock
        left = due.due_strict - given.now
        given.pass_time(seconds=(left - timedelta(days=7)).total_seconds() - 1).whatever()
        given.pass_time(seconds=1).expect()
        assert given.saga.alarm == 1
        given.pass_time(days=4)
        assert given.saga.alerts == ("deadline_near",)
        given.whatever().pass_time(days=3).whatever()
        assert due.due_legal == due.due_strict
        assert given.saga.alerts == ("deadline_missed",)
        given.pass_time(days=100).whatever()
        rungs = [line for line in given.history() if '"alarm_due"' in line]
        assert len(rungs) == 4

    def test_after_an_outage_every_overdue_rung_rings_and_is_marked_late(self):
        given = started().pass_time(days=60).whatever()
        late_ones = [line for line in given.history() if '"alarm_due"' in line and '"late_s"' in line]
        assert len(late_ones) == 4
        assert given.saga.alerts == ("deadline_missed",)

    def test_an_answer_ends_the_alarms_and_lateness_is_judged_by_the_legal_date(self):
        given = started().pass_time(days=60).whatever()
        given.retried("erase@shop").whatever().acked("erase@shop", "done").whatever()
        given.acked("verify@shop", "nothing_found").expect("resolve deadline_missed", "tell closed")
        assert late(given.saga)
        assert not late(closed().saga)

    def test_between_the_strict_and_the_legal_date_an_answer_is_not_late(self):
        given = started()
        strict = given.now + timedelta(days=5)
        apart = Deadlines(strict, strict + timedelta(days=2), "two readings", {})
        given.saga = replace(given.saga, clock=apart)
        given.pass_time(days=6).whatever()
        assert given.saga.alerts == ("deadline_passed",)
        given.retried("erase@shop").whatever().acked("erase@shop", "done").whatever()
        given.acked("verify@shop", "nothing_found").whatever()
        assert given.saga.answered_at > strict
        assert not late(given.saga)

    def test_the_answer_is_dated_when_it_could_first_be_given(self):
        given = started().acked("erase@shop", "accepted", expected_by=Given().now + timedelta(days=2)).whatever()
        answered = given.now
        given.pass_time(days=2).whatever().acked("verify@shop", "nothing_found").expect_state("closed")
        assert given.saga.answered_at == answered
        assert given.saga.closed_at == given.now

    def test_a_rung_out_of_turn_does_not_ring(self):
        given = started()
        given.happens(AlarmDue(given.now, 2, given.now)).expect_ignored()
        given.happens(AlarmDue(given.now, 0, given.now)).expect()
        given.happens(AlarmDue(given.now, 0, given.now)).expect_ignored()

    def test_nothing_fires_before_its_moment(self):
        given = started()
        moment = next_moment(given.saga, RETENTION)
        assert moment.kind is Kind.ACK_OVERDUE
        assert due_events(given.saga, moment.due_at - timedelta(microseconds=1), RETENTION) == []
        assert len(due_events(given.saga, moment.due_at, RETENTION)) == 1

    def test_a_closed_saga_forgets_identifiers_after_its_retention(self):
        given = closed()
        assert next_moment(given.saga, RETENTION).kind is Kind.RETENTION
        given.pass_time(days=29).expect().pass_time(days=1).expect("shred")
        assert next_moment(given.saga, RETENTION) is None

    def test_tokens_go_with_the_identifiers(self):
        given = Given().received().whatever().planned(SHOP, tokens={"shop": ("t" * 43,)}).whatever()
        given.acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
        given.pass_time(days=30).whatever()
        assert all(t.tokens == () for t in given.saga.tasks.values())


class TestNonsense:
    @pytest.mark.parametrize(
        ("name", "outcome", "more", "code"),
        [
            ("erase@shop", "done", {"attempt": 2}, "never_asked"),
            ("verify@shop", "nothing_found", {}, "never_asked"),
            ("erase@shop", "done", {"controller_id": "other"}, "wrong_controller"),
            ("erase@shop", "done", {"processor_id": "crm"}, "wrong_processor"),
            ("erase@shop", "done", {"verb": Verb.VERIFY}, "wrong_processor"),
            ("erase@shop", "accepted", {}, "accepted_without_date"),
            ("erase@shop", "residual", {}, "residual_of_a_change"),
            ("erase@shop", "retained", {"retained": ()}, "retained_without_rows"),
            ("erase@shop", "permanent", {"failure": None}, "failed_without_code"),
        ],
    )
    def test_an_answer_that_makes_no_sense_changes_nothing(self, name, outcome, more, code):
        started().acked(name, outcome, **more).expect_rejected(code)

    def test_a_verification_has_to_say_what_it_saw(self):
        given = started().acked("erase@shop", "done").whatever()
        given.acked("verify@shop", "done").expect_rejected("verified_how")

    def test_an_export_without_its_part_is_no_export(self):
        given = started(right=Right.ACCESS)
        given.acked("export@shop", "done", part=None).expect_rejected("part_missing")
        given.acked("export@shop", "retained").expect_rejected("retained_by_a_reading")

    def test_a_package_cannot_be_empty_where_there_are_parts(self):
        given = started(right=Right.ACCESS).acked("export@shop", "done").whatever()
        given.acked("package@lethe-package", "nothing_found").expect_rejected("package_empty")
        later = given.now + timedelta(days=1)
        given.acked("package@lethe-package", "accepted", expected_by=later).expect_rejected("not_accepted")

    def test_an_answer_after_closing_changes_nothing(self):
        closed().acked("verify@shop", "residual", attempt=1).expect_ignored()

    def test_nobody_acts_on_a_closed_saga(self):
        given = closed()
        given.retried("erase@shop").expect_rejected("closed").proposed("erase@shop").expect_rejected("closed")
        given.approved("erase@shop").expect_rejected("closed")

    def test_a_dsr_is_received_and_planned_once(self):
        started().received().expect_ignored().planned(CRM).expect_ignored()

    def test_the_version_of_the_register_is_pinned(self):
        assert {t.rules.register_version for t in started().saga.tasks.values()} == {VERSION}
