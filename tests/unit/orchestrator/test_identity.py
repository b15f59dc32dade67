"""GDPR Art. 12(6): while who asks is in doubt nothing is asked; alarms go on by the strict date."""

import json
from datetime import timedelta

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from lethe_testkit.sagas import NEXT_VERSION, NOW, RETENTION, VERSION, Given, rules
from orchestrator.domain.certificate import certificate
from orchestrator.domain.clock import extended, late
from orchestrator.domain.replay import replay
from orchestrator.domain.timers import next_moment

SHOP = rules("shop")


def doubted(**more):
    return Given().received(identity="in_doubt", **more).expect("tell identity")


def test_nothing_is_planned_or_asked_before_it_is_settled():
    given = doubted().planned(SHOP).expect_rejected("in_doubt")
    given.joined(rules("new", register_version=NEXT_VERSION)).expect_ignored()
    given.pass_time(days=10).whatever().expect_state("identity")
    assert not given.saga.tasks


def test_when_it_is_settled_the_request_is_carried_out():
    given = doubted().pass_time(days=3).verified().expect("tell received").expect_state("received")
    given.planned(SHOP).expect("ask erase@shop#1/1", "tell fulfilling")
    given.acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").expect("tell closed")
    content = certificate(given.saga, links=len(given.links), head=given.links[-1].hash)
    assert content["identified"]["method"] == "code_email"
    assert replay(given.history(), {VERSION: {"shop": SHOP}}) == given.saga


def test_the_legal_date_moves_by_the_time_it_took_and_the_strict_one_stays():
    given = doubted()
    first = given.saga.clock
    given.pass_time(days=5).verified().whatever()
    assert given.saga.clock.due_strict == first.due_strict
    assert (first.due_legal.day, given.saga.clock.due_legal.day) == (7, 10), (
        "5 April and 5 days; before, Easter rolled it"
    )
    asked, received = given.saga.beside.changes
    assert (asked.kind, received.kind) == ("id_requested", "id_received")
    assert received.happened_at - asked.happened_at == timedelta(days=5)
    assert json.loads([*given.history()][-1])["event"]["clock"]["derivation"]["steps"]


def test_alarms_ring_by_the_strict_date_while_it_is_in_doubt():
    given = doubted()
    assert next_moment(given.saga, RETENTION) is not None
    given.pass_time(seconds=(given.saga.clock.due_strict - given.now).total_seconds() - 3600).whatever()
    assert given.saga.alerts == ("deadline_near",)


def test_what_rang_for_a_legal_date_that_has_moved_rings_again_for_the_new_one():
    given = doubted().pass_time(days=60).whatever()
    assert given.saga.alerts == ("deadline_missed",)
    given.verified().whatever().planned(SHOP).whatever()
    assert given.saga.clock.due_legal > given.now
    assert given.saga.alerts == ()
    given.pass_time(days=40).whatever()
    assert given.saga.alerts == ("deadline_missed",)


def test_an_answer_within_the_time_that_was_left_is_not_late():
    given = doubted().pass_time(days=25).whatever().verified().whatever().planned(SHOP).whatever()
    given.pass_time(days=20).whatever().retried("erase@shop").whatever()
    given.acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
    assert not late(given.saga)


def test_where_the_regime_knows_no_pause_the_dates_stay():
    given = doubted(country="BR", regime="lgpd")
    first = given.saga.clock
    given.pass_time(days=5).verified().whatever()
    assert given.saga.clock is first
    assert given.saga.beside.changes == ()


def test_a_second_word_or_one_where_nobody_doubted_changes_nothing():
    doubted().verified().whatever().verified().expect_ignored()
    given = Given().received().whatever().verified().expect_ignored()
    given.planned(SHOP).whatever().verified().expect_ignored()
    given.acked("erase@shop", "done").whatever().verified().expect_ignored()
    given.withdrawn().whatever()
    given.verified().expect_ignored()
    given.acked("verify@shop", "nothing_found").whatever().verified().expect_ignored()


def test_another_controllers_word_settles_nothing():
    doubted().verified(controller_id="other").expect_rejected("wrong_controller")


def test_a_doubt_that_is_never_settled_ends_in_a_withdrawal_or_a_refusal():
    doubted().withdrawn().expect("tell closed")
    given = doubted().refusing(ground="identity_not_confirmed").expect().refused().expect("tell closed")
    content = certificate(given.saga, links=len(given.links), head=given.links[-1].hash)
    assert (content["result"], content["refusal"]["ground"]) == ("refused", "identity_not_confirmed")
    assert content["remedies"]["court"]


def test_an_extension_and_a_pause_both_count():
    given = doubted().pass_time(days=4).extended(1).whatever().expect_state("identity")
    alone = given.saga.clock
    given.pass_time(days=6).verified().whatever()
    assert given.saga.clock.due_legal > alone.due_legal
    assert given.saga.clock.due_strict <= given.saga.clock.due_legal
    later = doubted().pass_time(days=10).verified().whatever().extended(1).whatever()
    assert later.saga.clock.due_legal > alone.due_legal


@pytest.mark.parametrize("shown", [-3, 3])
def test_a_time_that_cannot_be_is_taken_as_the_nearest_that_can(shown):
    given = doubted().pass_time(days=1).verified(shown_at=NOW + timedelta(days=shown)).whatever()
    assert all(NOW <= c.happened_at <= given.now for c in given.saga.beside.changes)


@hypothesis_given(
    hours=st.integers(0, 200 * 24), country=st.sampled_from(["DE", "FR", "GB", "CH"]), more=st.integers(0, 2)
)
@settings(max_examples=60, deadline=None)
def test_no_pause_brings_a_date_forward_and_the_strict_one_never_passes_the_legal_one(hours, country, more):
    regime = {"GB": "uk-gdpr", "CH": "ch-fadp"}.get(country, "gdpr")
    given = doubted(country=country, regime=regime)
    first = given.saga.clock
    given.pass_time(hours=hours).whatever().verified().whatever()
    clock = given.saga.clock
    assert clock.due_legal >= first.due_legal
    assert clock.due_strict <= clock.due_legal
    if more and country != "CH" and given.now < first.due_strict and not clock.unsure:
        assert extended(given.saga, 1, ("complexity",), given.now, by="kim", now=given.now).due_legal > clock.due_legal
