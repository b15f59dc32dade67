"""Several cases of one incident: nothing is lost, the earliest awareness governs, and no clock stops by it."""

from __future__ import annotations

from uuid import UUID

import pytest

from breach_notifier.domain import events as e
from breach_notifier.domain.case import Case
from breach_notifier.domain.decision import Disposition
from breach_notifier.domain.documentation import documented
from breach_notifier.domain.ladder import next_timer
from breach_notifier.domain.record import from_json, replay, to_json
from breach_notifier.domain.words import Status
from lethe_testkit.breaches import ADA, BEN, NIGHT, SLIGHT, GivenBreach

OTHER = UUID(int=77)


def aware():
    return GivenBreach().suspected().later(1).aware().stated()


def rejected(given, code):
    assert given.decision.disposition is Disposition.REJECTED, given.decision
    assert given.decision.code == code, given.decision


def ignored(given):
    assert given.decision.disposition is Disposition.IGNORED, given.decision


def test_a_case_that_goes_on_in_another_brings_its_evidence_and_the_earliest_awareness():
    g = GivenBreach().suspected().later(5)
    g.on(e.CaseJoined(g.now, ADA, OTHER, ("report-1", "signal-1"), "one night", NIGHT, BEN, "dump found", NIGHT))
    assert (g.state, g.case.clock.aware_at, g.case.aware_by) == ("aware", NIGHT, BEN)
    assert g.did == ["call:aware", "find_affected", "tell_status"]
    assert g.case.evidence == ("signal-1", "report-1")
    assert (g.case.joined, g.case.occurred_from) == ((OTHER,), NIGHT)
    ignored(g.on(e.CaseJoined(g.now, ADA, OTHER, (), "again", NIGHT, BEN, "dump found")))
    g.on(e.CaseJoined(g.now, ADA, UUID(int=8), (), "later", g.now, BEN, "dump found"))
    assert g.case.clock.aware_at == NIGHT, "a later awareness moves no clock"
    assert replay(g.links) == g.case


def test_what_was_filed_is_followed_up_when_another_case_of_the_incident_turns_up():
    g = aware().decided(subjects=False).confirmed().notice("v1")
    assert g.state == "settled"
    g.later(1).on(e.CaseJoined(g.now, ADA, OTHER, ("signal-9",), "one night"))
    assert (g.state, g.case.alerts) == ("notified", ("follow_up_owed",))


def test_a_merged_case_rings_no_more_and_says_where_to_act():
    g = aware().on(e.CaseMerged(NIGHT, ADA, OTHER, "one night"))
    assert (g.state, g.case.alerts, next_timer(g.case)) == ("merged", (), None)
    rejected(g.decided(), "merged")
    rejected(g.aware(), "merged")
    rejected(g.stated(SLIGHT), "merged")
    g.on(e.EvidenceAdded(g.now, ("signal-7",)))
    assert (g.state, g.case.evidence[-1]) == ("merged", "signal-7")
    g.on(e.CaseReopened(g.now, ADA, "another incident after all"))
    assert (g.state, g.case.merged_into) == ("aware", None)
    assert next_timer(g.case) is not None, "its own clock goes on"


def test_a_case_under_which_somebody_was_told_is_not_merged_away():
    told = aware().decided().drafted("v1", Status.INCOMPLETE).signed("v1")
    rejected(told.filed("v1", "DE-BE").on(e.CaseMerged(NIGHT, ADA, OTHER, "one night")), "told_already")
    letters = aware().letters()
    rejected(letters.on(e.CaseMerged(NIGHT, ADA, OTHER, "one night")), "told_already")
    rejected(aware().on(e.CaseMerged(NIGHT, ADA, OTHER, " ")), "no_reason")


def test_related_cases_keep_their_clocks_and_know_of_each_other():
    g = aware().on(e.CaseRelated(NIGHT, ADA, OTHER, "the same vendor"))
    assert (g.state, g.case.related) == ("aware", (OTHER,))
    ignored(g.on(e.CaseRelated(NIGHT, ADA, OTHER, "the same vendor")))
    assert documented(g.case)["related"] == str(OTHER)


def test_a_case_that_was_recorded_before_cases_could_be_merged_is_read():
    g = aware()
    found = to_json(g.case)
    for name in ("related", "joined", "merged_into"):
        del found[name]
    assert from_json(Case, found) == g.case
    del found["evidence"]
    with pytest.raises(KeyError):
        from_json(Case, found)
