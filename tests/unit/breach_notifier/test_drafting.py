"""A notice is filled from its case, says what is missing, and follows the versions before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from breach_notifier.domain.drafting import draft, hash_of, missing_next, read, to_value
from breach_notifier.domain.due import due_events
from breach_notifier.domain.errors import Refused
from breach_notifier.domain.events import RungDue, TriageDue
from breach_notifier.domain.policy import ControllerPolicy
from breach_notifier.domain.words import Status
from lethe_testkit.breaches import GRAVE, NIGHT, GivenBreach, suspected

STATED = {12: "Acme GmbH", 13: "Hauptstr. 1", 21: "The team", 22: "privacy@acme.example", 23: "a"}
ACME = ControllerPolicy("acme", "DE", "Europe/Berlin", "gdpr", main="DE-BE", cross_border=False, stated=STATED)


def aware():
    return GivenBreach().suspected().aware().stated().decided()


def drafted(given, values=None, versions=(), policy=ACME):
    return draft(given.case, policy, values or {}, versions, given.now)


def test_a_notice_tells_what_the_case_knows_and_names_its_gaps():
    content = drafted(aware())
    assert (content.answers[48], content.answers[68]) == (NIGHT.isoformat(), 400)
    assert content.answers[12] == "Acme GmbH"
    assert (content.status, content.unfilable) == (Status.INCOMPLETE, ())
    assert 60 in content.gaps


def test_what_it_is_stored_as_is_what_is_read_again_and_its_hash_is_of_that():
    content = drafted(aware(), {65: ("a", "b"), 117: (("DE", 3),)})
    text = content.text("case")
    assert read(text) == content
    assert hash_of(text) != hash_of(drafted(aware()).text("case"))


def test_what_people_stated_stays_until_it_is_taken_back():
    g = aware()
    first = drafted(g, {62: "what happened", 12: "Acme SE"})
    second = drafted(g, {62: None}, [first])
    assert (first.answers[62], second.answers[12]) == ("what happened", "Acme SE")
    assert 62 not in second.answers


def test_without_whom_to_ask_back_not_even_an_incomplete_notice_can_be_filed():
    content = drafted(aware(), policy=replace(ACME, stated={}))
    assert set(content.unfilable) == {12, 13, 21, 22, 23}


def test_after_72_hours_the_reasons_for_the_delay_are_missing():
    assert drafted(aware().later(73)).unfilable == (49,)
    assert drafted(aware().later(72.5)).unfilable == (49,), "already before the legal end"
    assert drafted(aware().later(72)).unfilable == ()


@pytest.mark.parametrize(
    ("values", "code", "fields"),
    [
        ({23: "z"}, "not_in_the_form", (23,)),
        ({3: "b"}, "wrong_phase", ()),
        ({77: "x"}, "not_in_the_form", (77,)),
        ({68: -4}, "not_in_the_form", (68,)),
    ],
)
def test_what_cannot_stand_in_the_form_is_refused(values, code, fields):
    with pytest.raises(Refused) as refused:
        drafted(aware(), values)
    assert (refused.value.code, refused.value.fields) == (code, fields)


def test_nothing_can_be_drafted_before_the_facts_are_stated():
    with pytest.raises(Refused, match="no_facts"):
        drafted(GivenBreach().suspected().aware())


def test_what_follows_a_filing_is_a_follow_up_under_the_authoritys_reference():
    g = aware()
    first = drafted(g)
    sha256 = hash_of(first.text("c"))
    g.drafted(sha256).signed(sha256).filed(sha256)
    second = drafted(g, {62: "more"}, [first])
    assert (second.answers[3], second.answers[6]) == ("b", "ref-1")


@pytest.mark.parametrize("value", [{"x": 1}, 1.5, [1], None])
def test_what_no_field_can_hold_is_refused(value):
    with pytest.raises(Refused):
        to_value(12, value)
    with pytest.raises(Refused):
        to_value(117, 7)


def test_what_is_missing_is_told_step_by_step():
    g = GivenBreach().suspected()
    assert missing_next(g.case, None) == ("declare awareness",)
    g.aware()
    assert missing_next(g.case, None) == ("state the facts", "decide whom to tell", "draft a notice")
    g.stated().decided()
    content = drafted(g)
    sha256 = hash_of(content.text("c"))
    g.drafted(sha256)
    assert missing_next(g.case, content) == ("a second person signs off version 1",)
    assert missing_next(g.case, replace(content, unfilable=(12,))) == ("answer field 12: controller",)
    g.signed(sha256)
    assert missing_next(g.case, content) == ("file version 1 with DE-BE",)
    g.filed(sha256)
    assert missing_next(g.case, content) == ("draft a notice",), "what was filed is incomplete"


def test_a_draft_that_what_is_known_has_overtaken_is_drafted_again():
    g = GivenBreach().suspected().aware().stated().decided()
    content = drafted(g)
    g.drafted(hash_of(content.text("c"))).later(1).stated(replace(GRAVE, subjects=9000))
    assert missing_next(g.case, content) == ("draft a notice again: what is known changed after version 1",)


def test_a_suspicion_is_due_after_a_day_once():
    g = GivenBreach().suspected()
    assert due_events(g.case, NIGHT + timedelta(hours=23.99)) == ()
    assert [type(x) for x in due_events(g.case, NIGHT + timedelta(hours=24))] == [TriageDue]
    assert due_events(g.on(TriageDue(NIGHT + timedelta(hours=24))).case, NIGHT + timedelta(hours=48)) == ()


def test_rungs_that_were_missed_come_together_in_order_and_not_again():
    g = GivenBreach().suspected().aware().later(61)
    rungs = [x.rung for x in due_events(g.case, g.now) if isinstance(x, RungDue)]
    assert rungs == ["triage", "draft", "sign_off"]
    for rung in rungs:
        g.on(RungDue(g.now, rung))
    assert due_events(g.case, g.now) == ()


def test_no_clock_rings_across_the_change_of_clocks_but_by_elapsed_hours():
    before = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # an hour and a half before the clocks go back in Berlin
    g = GivenBreach().on(suspected(before))
    g.now = before
    g.aware()
    assert g.case.clock.due == before + timedelta(hours=72)
    assert [x.rung for x in due_events(g.case, before + timedelta(hours=24))] == ["triage"]
    assert due_events(g.case, before + timedelta(hours=23, minutes=59)) == ()
