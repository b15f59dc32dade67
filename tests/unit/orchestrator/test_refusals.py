"""GDPR Art. 12(4): a refusal has a ground of the law, a reason and two people, and tells authority and court."""

from datetime import timedelta

import pytest

from lethe_events.words import Right
from lethe_law import GROUNDS, Effect
from lethe_testkit.sagas import NOW, VERSION, Given, rules
from orchestrator.application.messages import status_of
from orchestrator.domain.certificate import certificate
from orchestrator.domain.clock import late
from orchestrator.domain.refusal_acts import may_refuse
from orchestrator.domain.replay import replay

SHOP, CRM = rules("shop"), rules("crm", after=("shop",))


def started(*processors, right=Right.ERASURE, **more):
    return Given().received(right, **more).whatever().planned(*(processors or (SHOP, CRM))).whatever()


def document(given):
    return certificate(given.saga, links=len(given.links), head=given.links[-1].hash)


def test_a_proposal_alone_stops_nothing():
    given = started().refusing().expect()
    given.acked("erase@shop", "done").expect("ask verify@shop#1/1", "ask erase@crm#1/1")


def test_it_needs_a_second_person_and_a_proposal():
    started().refused().expect_rejected("nothing_proposed")
    given = started().refusing(by="kim").whatever().refused(by="kim").expect_rejected("same_person")
    given.refused(by="robin").expect("tell fulfilling")


def test_what_was_asked_is_waited_for_and_the_person_can_be_told_at_once():
    given = started().refusing().whatever().pass_time(minutes=1).refused().expect("tell fulfilling")
    told = status_of(given.saga, None, given.now)
    assert told.result == "refused"
    assert (told.refusal.ground, told.refusal.article) == ("excessive", "GDPR Art. 12(5)(b)")
    assert given.saga.answered_at == given.now
    assert given.saga.beside.refusing is None, "nothing waits for a second person any more"
    given.acked("erase@shop", "done").expect("tell closed")
    assert given.status("erase@crm") == "cancelled"


def test_the_certificate_names_ground_people_authority_and_court():
    found = document(started().refusing().whatever().refused().whatever().acked("erase@shop", "done").whatever())
    assert found["result"] == "refused"
    assert found["refusal"] == {
        "ground": "excessive",
        "article": "GDPR Art. 12(5)(b)",
        "reason": "fourth_in_a_month",
        "proposed_by": "kim",
        "approved_by": "robin",
    }
    assert found["remedies"]["complaint"] == "GDPR Art. 77(1)"
    assert found["remedies"]["court"] == "GDPR Art. 79(1)"
    assert found["remedies"]["authority"]["code"] == "DE"


def test_the_authority_of_a_region_can_be_named():
    given = started().refusing(authority="DE-BE").whatever().refused().whatever()
    assert "Berlin" in document(given)["remedies"]["authority"]["name"]


@pytest.mark.parametrize(
    ("country", "regime", "court"),
    [("FR", "gdpr", "GDPR Art. 79(1)"), ("GB", "uk-gdpr", "UK GDPR Art. 79(1)"), ("BR", "lgpd", None)],
)
def test_each_country_has_its_remedies(country, regime, court):
    given = started(country=country, regime=regime).refusing().whatever().refused().whatever()
    found = document(given)["remedies"]
    assert found.get("court") == court
    assert (found["authority"] or {}).get("code") == (country if court else None)


def test_a_partial_refusal_tells_the_remedies_too_and_a_grant_none():
    given = started(SHOP).proposed("erase@shop").whatever().approved("erase@shop").whatever()
    assert document(given)["remedies"]["court"]
    granted = started(SHOP).acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
    assert "remedies" not in document(granted)
    withdrawn = started(SHOP).withdrawn().whatever().acked("erase@shop", "done").whatever()
    assert "remedies" not in document(withdrawn)


def test_what_was_answered_or_is_over_cannot_be_refused():
    given = started(SHOP).refusing().whatever()
    given.acked("erase@shop", "accepted", expected_by=NOW + timedelta(days=9)).whatever()
    given.expect_state("answered").refusing().expect_rejected("answered")
    given.refused().expect_rejected("answered")
    withdrawn = started().refusing().whatever().withdrawn().whatever().refused().expect_rejected("ended")
    withdrawn.refusing().expect_rejected("ended")
    closed = started(SHOP).acked("erase@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
    closed.refusing().expect_rejected("closed")
    closed.refused().expect_rejected("closed")


def test_a_granted_answer_that_was_given_cannot_be_refused_when_work_is_owed_again():
    vendor = rules("vendor", deletion_lag=timedelta(days=1))
    given = started(vendor).acked("erase@vendor", "accepted", expected_by=NOW + timedelta(days=1)).whatever()
    given.pass_time(days=3).whatever().acked("verify@vendor", "residual").whatever().expect_state("fulfilling")
    assert given.saga.answered_at is not None
    given.refusing().expect_rejected("answered")


def test_a_withdrawal_after_a_refusal_leaves_it_a_refusal():
    given = started().refusing().whatever().refused().whatever().withdrawn().expect_ignored()
    assert document(given)["result"] == "refused"


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=lambda g: g.code)
def test_only_grounds_of_a_whole_refusal_carry_one(ground):
    assert may_refuse(ground.code, Right.ACCESS) == (ground.effect is Effect.REFUSE)
    assert may_refuse(ground.code, Right.ERASURE) == (ground.effect in {Effect.REFUSE, Effect.RETAIN})
    given = started().refusing(ground=ground.code)
    assert (given.decision.code == "unknown_ground") is not may_refuse(ground.code, Right.ERASURE)


def test_no_ground_of_ones_own():
    assert not may_refuse("because", Right.ERASURE)
    started().refusing(ground="because").expect_rejected("unknown_ground")


def test_a_refusal_is_due_in_the_first_period_although_it_was_extended():
    given = started().pass_time(days=10).whatever().extended(2).whatever().pass_time(days=35).whatever()
    assert not given.saga.alerts
    given.refusing().whatever().refused().whatever()
    assert late(given.saga)


def test_it_is_decided_again_as_it_was():
    given = started().refusing(authority="DE-BE").whatever().refused().whatever()
    given.acked("erase@shop", "transient").whatever().expect_state("closed")
    assert replay(given.history(), {VERSION: {"shop": SHOP, "crm": CRM}}) == given.saga


def test_before_its_scope_is_known_it_closes_at_once():
    given = Given().received().whatever().refusing().expect().refused().expect("tell closed")
    assert document(given)["result"] == "refused"
