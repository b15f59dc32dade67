"""Legal holds: they stop the erasures in their scope and nothing else, and take two people to place and to lift."""

from datetime import timedelta

import pytest

from lethe_events.words import Right
from lethe_law import GROUNDS, Effect
from lethe_testkit.sagas import NOW, VERSION, Given, rules
from orchestrator.domain.certificate import certificate
from orchestrator.domain.hold_acts import may_hold
from orchestrator.domain.replay import replay
from orchestrator.domain.resume import resume

SHOP, CRM, MAIL = rules("shop"), rules("crm", after=("shop",)), rules("mail", after=("shop",))


def started(*processors, right=Right.ERASURE):
    return Given().received(right).whatever().planned(*(processors or (SHOP, CRM, MAIL))).whatever()


def document(given):
    return certificate(given.saga, links=len(given.links), head=given.links[-1].hash)


def test_a_hold_stops_exactly_its_scope_and_the_rest_goes_on():
    given = started().held("crm")
    given.acked("erase@shop", "done").expect("ask erase@mail#1/1", "ask verify@shop#1/1")
    assert given.status("erase@crm") == "on_hold"
    given.acked("erase@mail", "done").whatever().acked("verify@mail", "nothing_found").whatever()
    given.acked("verify@shop", "nothing_found").expect().expect_state("fulfilling")


def test_lifting_it_resumes_the_erasure_by_itself():
    given = started().held("crm").acked("erase@shop", "done").whatever()
    given.lifting(by="robin").expect().hold_approved(by="kim").expect("ask erase@crm#1/1", "tell fulfilling")


def test_it_takes_two_people_to_place_and_to_lift():
    given = started().holding("crm", by="kim").expect().hold_approved(by="kim").expect_rejected("same_person")
    given.acked("erase@shop", "done").expect("ask erase@crm#1/1", "ask erase@mail#1/1", "ask verify@shop#1/1")
    given = started().held("crm").hold_approved(by="sam").expect_rejected("nothing_proposed")
    given.lifting(by="sam").whatever().hold_approved(by="sam").expect_rejected("same_person")
    given.hold_approved(by="kim").expect("tell fulfilling").hold_approved(by="robin").expect_rejected(
        "nothing_proposed"
    )


def test_what_is_not_there_can_be_neither_approved_nor_lifted():
    started().hold_approved().expect_rejected("not_found").lifting().expect_rejected("not_in_force")
    given = started().holding("crm").whatever().lifting().expect_rejected("not_in_force")
    given.hold_approved().whatever().lifting(by="kim").whatever().hold_approved().whatever()
    given.lifting().expect_rejected("not_in_force")


def test_a_proposal_that_comes_twice_counts_once():
    started().holding("crm").whatever().holding("crm").expect_ignored()


def test_nothing_that_waits_to_be_asked_again_is_asked_under_a_hold():
    given = started(SHOP).acked("erase@shop", "transient").whatever().held()
    given.pass_time(hours=1).expect()
    assert given.status("erase@shop") == "on_hold"
    given.retried("erase@shop").expect_rejected("on_hold")
    given.lifting(by="robin").whatever().hold_approved(by="kim").expect("ask erase@shop#1/2", "tell fulfilling")


def test_what_was_asked_before_and_is_not_answered_calls_a_person_and_is_not_asked_again():
    given = started(SHOP).held().pass_time(hours=1).expect("open no_answer: erase@shop#1", "tell fulfilling")
    given.retried("erase@shop").expect_rejected("on_hold")
    assert resume(given.saga) == ()
    given.lifting(by="robin").whatever().hold_approved(by="kim").whatever()
    given.retried("erase@shop").expect("ask erase@shop#1/2", "resolve no_answer: erase@shop#1", "tell fulfilling")


def test_what_is_outstanding_under_a_hold_is_not_said_again():
    given = started(SHOP)
    assert len(resume(given.saga)) == 1
    assert resume(given.held().saga) == ()


@pytest.mark.parametrize("outcome", ["done", "retained", "accepted"])
def test_an_erasure_that_is_acked_under_a_hold_is_recorded_and_raises_an_incident(outcome):
    given = started(SHOP).held()
    more = {"expected_by": NOW + timedelta(days=9)} if outcome == "accepted" else {}
    given.acked("erase@shop", outcome, **more)
    assert [(i.code, i.task_id) for i in given.decision.opened] == [("erased_under_hold", given.task("erase@shop").id)]
    assert given.task("erase@shop").answer.outcome == outcome
    assert given.whatever().status("erase@shop") in {"done", "accepted"}


def test_where_nothing_was_found_nothing_was_erased():
    started(SHOP).held().acked("erase@shop", "nothing_found").expect("ask verify@shop#1/1")


def test_a_look_under_a_hold_is_no_erasure():
    given = started(SHOP).acked("erase@shop", "done").whatever().held()
    given.acked("verify@shop", "nothing_found").expect("tell closed")
    assert document(given)["holds"][0]["matter"] == "matter_1"


def test_a_second_round_is_held_too():
    given = started(SHOP).acked("erase@shop", "done").whatever().held().acked("verify@shop", "residual").whatever()
    assert given.status("erase@shop#2") == "on_hold"


def test_it_closes_under_a_hold_only_if_the_erasure_is_excepted():
    given = started(SHOP, CRM).held("crm").acked("erase@shop", "done").whatever()
    given.acked("verify@shop", "nothing_found").expect_state("fulfilling").whatever()
    given.proposed("erase@crm").expect().approved("erase@crm").expect("tell closed")
    assert document(given)["result"] == "partially_granted"
    (hold,) = document(given)["holds"]
    assert (hold["placed_by"], hold["approved_by"], hold["until"]) == ("kim", "robin", None)


def test_two_holds_on_the_same_processor_both_have_to_be_lifted():
    given = started(SHOP, CRM).held("crm").held(n=2).acked("erase@shop", "done").whatever()
    given.lifting(n=2, by="robin").whatever().hold_approved(n=2, by="kim").expect("tell fulfilling")
    assert given.decision.changed == ()
    given.lifting(by="robin").whatever().hold_approved(by="kim").expect("ask erase@crm#1/1", "tell fulfilling")


def test_a_hold_that_was_placed_before_the_plan_holds_from_the_first_question():
    given = Given().received().whatever().held().planned(SHOP).expect("tell fulfilling")
    assert given.status("erase@shop") == "on_hold"


def test_a_processor_that_joins_under_a_hold_on_all_is_held_too():
    given = started(SHOP).held().joined(rules("new", register_version="b" * 64)).expect()
    assert given.status("erase@new") == "on_hold"


def test_a_request_that_ends_under_a_hold_erases_nothing():
    given = started(SHOP).acked("erase@shop", "transient").whatever().held().pass_time(hours=1).whatever()
    given.withdrawn().expect("tell closed")
    given.hold_approved().expect_rejected("closed")


def test_an_access_has_nothing_to_hold():
    started(right=Right.ACCESS).holding().expect_rejected("nothing_to_hold")


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=lambda g: g.code)
def test_only_grounds_to_keep_data_carry_a_hold(ground):
    assert may_hold(ground.code) == (ground.effect is Effect.RETAIN)
    given = started().holding(ground=ground.code)
    assert (given.decision.code == "unknown_ground") is not may_hold(ground.code)


def test_it_is_decided_again_as_it_was():
    given = started(SHOP, CRM).held("crm").acked("erase@shop", "done").whatever()
    given.lifting(by="robin").whatever().hold_approved(by="kim").whatever()
    assert replay(given.history(), {VERSION: {"shop": SHOP, "crm": CRM}}) == given.saga
