"""A breach from the first sign to the last notice: what counts, what does not, and who may say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from breach_notifier.domain import events as e
from breach_notifier.domain.decision import Disposition
from breach_notifier.domain.documentation import documented
from breach_notifier.domain.errors import HistoryBroken
from breach_notifier.domain.fan import Concerned, case_id, suspected_at_all
from breach_notifier.domain.ladder import TRIAGE_WITHIN, next_timer
from breach_notifier.domain.record import check, replay
from breach_notifier.domain.words import Party, Status
from lethe_law.breach.exemptions import Exemption
from lethe_testkit.breaches import ADA, BEN, CASE, GRAVE, INCIDENT, NIGHT, SLIGHT, GivenBreach, proof_of, suspected


def aware():
    return GivenBreach().suspected().later(1).aware().stated()


def rejected(given, code):
    assert given.decision.disposition is Disposition.REJECTED, given.decision
    assert given.decision.code == code, given.decision
    assert given.decision.detail


def ignored(given):
    assert given.decision.disposition is Disposition.IGNORED, given.decision


def test_a_breach_goes_from_a_signal_to_its_end_with_every_act_by_its_article():
    g = GivenBreach().suspected()
    assert (g.state, g.did) == ("suspected", ["call:suspected", "tell_status"])
    g.later(2).aware()
    assert (g.state, g.did) == ("aware", ["call:aware", "find_affected", "tell_status"])
    assert g.decision.article == "GDPR Art. 33(1)"
    g.stated().decided(authorities=("IE",))
    assert (g.state, g.did) == ("assessed", ["draft_notice:IE", "send_letters", "tell_status"])
    g.drafted("v1", Status.INCOMPLETE).signed("v1")
    assert g.did == ["file_notice:1"]
    g.filed("v1", "IE")
    assert (g.state, g.decision.article) == ("notified", "GDPR Art. 33(1), 33(4)")
    g.notice("v2", Status.COMPLETE, "IE")
    assert g.state == "notified"  # the letters are owed
    g.letters()
    assert g.state == "settled"
    g.closed()
    assert g.state == "closed"
    assert replay(g.links) == g.case


def test_a_signal_alone_never_starts_the_clock():
    g = GivenBreach().suspected().on(e.EvidenceAdded(NIGHT, ("signal-2",))).later(100).on(e.TriageDue(NIGHT))
    assert g.case.clock is None
    assert g.case.alerts == ("unassessed",)
    assert g.did == ["call:unassessed", "tell_status"]
    assert next_timer(g.case) is None


def test_a_suspicion_waits_no_longer_than_the_policy_allows():
    assert next_timer(GivenBreach().suspected().case) == NIGHT + TRIAGE_WITHIN


def test_evidence_counts_once():
    g = GivenBreach().suspected().on(e.EvidenceAdded(NIGHT, ("signal-1", "signal-2", "signal-2")))
    assert g.case.evidence == ("signal-1", "signal-2")
    ignored(g.on(e.EvidenceAdded(NIGHT, ("signal-2",))))


def test_the_clock_runs_from_awareness_for_exactly_72_hours_and_keeps_its_rule():
    g = GivenBreach().suspected().later(1).aware()
    assert g.case.clock.due - g.case.clock.aware_at == timedelta(hours=72)
    assert g.case.clock.rule_version
    assert g.case.aware_by == ADA


def test_a_configured_rule_may_declare_awareness_but_decides_nothing():
    g = GivenBreach().suspected().aware("rule:exfiltration_confirmed").stated(by="rule:x")
    assert g.state == "aware"
    rejected(g.decided(by="rule:x"), "needs_person")
    rejected(g.decided(by=" "), "no_name")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"aware_at": NIGHT + timedelta(hours=2)}, "awareness_in_the_future"),
        ({"aware_at": NIGHT - timedelta(hours=3)}, "awareness_before_the_breach"),
        ({"aware_at": NIGHT.replace(tzinfo=None)}, "impossible_awareness"),
        ({"reason": " "}, "no_reason"),
    ],
)
def test_an_awareness_that_cannot_be_is_refused(more, code):
    g = GivenBreach().suspected(occurred_from=NIGHT - timedelta(hours=1)).aware(**more)
    rejected(g, code)
    assert g.state == "suspected"


def test_a_place_or_law_that_has_no_clock_is_refused_before_one_is_needed():
    rejected(GivenBreach().suspected(regime="pipl"), "unknown_law")
    rejected(GivenBreach().suspected(zone="Europe/Atlantis").aware(), "no_clock")


def test_awareness_can_turn_out_to_be_earlier_and_never_later():
    g = GivenBreach().suspected().later(5).aware()
    due = g.case.clock.due
    ignored(g.later(1).aware())
    assert g.aware(aware_at=NIGHT).case.clock.due == due - timedelta(hours=5)


def test_the_notice_of_a_processor_starts_the_clock_of_its_controller_when_it_arrives():
    notice = e.ProcessorNotified(NIGHT, CASE, INCIDENT, "acme", "DE", "Europe/Berlin", "gdpr", "vendor", ("letter-1",))
    fresh = GivenBreach().on(notice)
    assert (fresh.state, fresh.case.clock.aware_at, fresh.decision.article) == ("aware", NIGHT, "GDPR Art. 33(2)")
    for g in (GivenBreach().suspected(), dismissed()):
        g.later(1).on(replace(notice, at=g.now))
        assert (g.state, g.case.clock.aware_at) == ("aware", g.now)
    later = aware().on(replace(notice, evidence=("letter-2",)))
    assert later.case.clock.aware_at == NIGHT + timedelta(hours=1)
    assert "letter-2" in later.case.evidence


def dismissed():
    g = GivenBreach().suspected().on(e.DismissalProposed(NIGHT, ADA, "a drill"))
    return g.on(e.DismissalConfirmed(NIGHT, BEN))


def test_a_case_is_dismissed_by_two_and_stays_documented():
    g = GivenBreach().suspected()
    rejected(g.on(e.DismissalConfirmed(NIGHT, BEN)), "nothing_to_confirm")
    rejected(g.on(e.DismissalProposed(NIGHT, ADA, "")), "no_reason")
    g.on(e.DismissalProposed(NIGHT, ADA, "a drill"))
    rejected(g.on(e.DismissalConfirmed(NIGHT, ADA)), "own_no")
    g.on(e.DismissalConfirmed(NIGHT, BEN))
    assert g.state == "dismissed"
    row = documented(g.case)
    assert (row["dismissed_because"], row["dismissed_by"]) == ("a drill", "ada, ben")
    assert check(g.links)
    assert g.on(e.CaseReopened(NIGHT, ADA, "not a drill")).state == "suspected"
    assert dismissed().aware().state == "aware"


def test_a_yes_counts_at_once_and_a_no_waits_for_a_second_person():
    assert aware().decided().state == "assessed"
    for authority, subjects in ((True, False), (False, False)):
        g = aware().decided(authority, subjects)
        assert g.state == "aware"
        assert "ask_confirmation:decision" in g.did
        rejected(g.confirmed(ADA), "own_no")
        assert g.confirmed(BEN).state == ("assessed" if authority else "settled")


def test_a_no_to_letters_does_not_hold_up_the_authority():
    g = aware().decided(subjects=False)
    assert "draft_notice:DE-BE" in g.did
    g.notice("v1")
    assert (g.state, len(g.case.filings)) == ("aware", 1)
    assert g.confirmed().state == "settled"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (lambda: GivenBreach().suspected().aware().decided(), "no_facts"),
        (lambda: aware().decided(reasons=""), "no_reason"),
        (lambda: aware().decided(authority=False, subjects=True), "not_monotone"),
        (lambda: aware().decided(authorities=()), "no_authority"),
        (lambda: GivenBreach().suspected().decided(), "not_aware"),
        (lambda: aware().confirmed(), "nothing_to_confirm"),
        (lambda: aware().closed(), "owed"),
        (lambda: aware().on(e.DismissalProposed(NIGHT, ADA, "no")), "aware"),
    ],
)
def test_an_answer_without_its_ground_is_refused(given, code):
    rejected(given(), code)


def test_the_proposal_and_what_decided_it_are_kept_with_the_answer():
    g = aware().decided(authority=False, subjects=False).confirmed()
    assert g.case.verdict.proposal.notify_subjects == "yes"
    assert documented(g.case)["proposed"] == "yes/yes"
    assert "intent" in documented(g.case)["because"]


@pytest.mark.parametrize(
    ("filing", "code"),
    [
        ({"sha256": "v9"}, "not_signed_off"),
        ({"reference": ""}, "no_proof"),
        ({"copy": " "}, "no_proof"),
        ({"filed_at": NIGHT + timedelta(days=30)}, "impossible_filing"),
        ({"filed_at": NIGHT - timedelta(days=1)}, "impossible_filing"),
        ({"authority": "FR"}, "other_authority"),
    ],
)
def test_filed_is_only_what_was_signed_off_and_has_reference_time_and_copy(filing, code):
    g = aware().decided().drafted().signed()
    rejected(g.filed(**filing), code)
    assert g.case.filings == ()


def test_nobody_signs_off_what_he_wrote_and_nothing_unsigned_is_filed():
    g = aware().decided().drafted()
    rejected(g.filed(), "not_signed_off")
    rejected(g.signed(by=ADA), "own_notice")
    rejected(g.signed("v2"), "unknown_notice")
    assert g.signed().filed().state == "notified"


def test_a_late_notice_needs_reasons_and_an_early_one_does_not():
    late = aware().decided().drafted().signed().later(72.2)
    rejected(late.filed(), "late_without_reasons")
    assert late.filed(reasons="the logs came late").case.filings[0].late is False  # inside the legal end
    later = aware().decided().drafted().signed().later(80).filed(reasons="the logs came late")
    assert later.case.filings[0].late
    assert documented(later.case)["late"] == "yes"
    follow_up = later.notice("v2")
    assert follow_up.case.filings[-1].late is False  # only the first is judged by the 72 hours


def test_every_authority_has_to_be_told_before_the_clock_stops():
    g = aware().decided(authorities=("FR", "PL")).notice("v1", authority="FR")
    assert g.state == "assessed"
    assert next_timer(g.case) is not None
    g.filed("v1", "PL")
    assert g.state == "notified"
    assert next_timer(g.case) is None


def test_a_notice_can_be_withdrawn_only_where_it_was_filed():
    rejected(aware().decided().drafted("v1", Status.WITHDRAWN), "nothing_filed")
    g = aware().decided().notice("v1", Status.INCOMPLETE).letters().notice("v2", Status.WITHDRAWN)
    assert g.state == "settled"


def test_each_rung_rings_once_and_none_rings_early_or_after_the_notice():
    g = aware()
    ignored(g.on(e.RungDue(g.now, "triage")))
    g.later(24)
    assert next_timer(g.case) == g.now
    assert g.on(e.RungDue(g.now, "triage")).did == ["call:owner:triage", "tell_status"]
    ignored(g.on(e.RungDue(g.now, "triage")))
    g.later(46).on(e.RungDue(g.now, "page"))
    assert g.case.alerts == ("deadline_near",)
    g.later(2).on(e.RungDue(g.now, "due"))
    assert g.case.alerts == ("deadline_passed",)
    g.decided().drafted().signed().filed(reasons="late logs")
    assert g.case.alerts == ()
    ignored(g.on(e.RungDue(g.now, "sign_off")))
    ignored(aware().later(90).on(e.RungDue(NIGHT, "no such rung")))


def settled():
    return aware().decided().notice("v1").letters()


def test_facts_that_lead_to_other_answers_open_the_decision_again_even_of_a_closed_case():
    g = GivenBreach().suspected().aware().stated(SLIGHT).decided(False, False).confirmed().closed()
    assert g.state == "closed"
    due = g.case.clock.due
    g.later(500).stated(GRAVE)
    assert (g.state, g.case.verdict, g.case.alerts) == ("aware", None, ("facts_changed",))
    assert g.case.clock.due == due  # the clock does not start anew
    assert g.decided().case.alerts == ()


def test_facts_that_change_no_answer_ask_for_a_follow_up_where_something_was_filed():
    g = settled().later(1).stated(replace(GRAVE, subjects=47_000))
    assert (g.state, g.case.alerts) == ("notified", ("follow_up_owed",))
    g.later(1).notice("v2")
    assert (g.state, g.case.alerts) == ("settled", ())
    ignored(g.stated(replace(GRAVE, subjects=47_000)))


def test_a_notice_that_was_drafted_before_the_facts_changed_does_not_settle_them():
    g = aware().decided().notice("v1", Status.INCOMPLETE).letters().drafted("v2", Status.COMPLETE).signed("v2")
    g.later(1).stated(replace(GRAVE, subjects=47_000)).filed("v2")
    assert (g.state, g.case.alerts) == ("notified", ("follow_up_owed",))


def test_a_corrected_number_of_people_asks_for_a_follow_up_and_for_the_missing_letters():
    g = settled().counted(400, 400)
    assert g.case.letters is not None
    g.later(1).counted(47_000, 47_000, "d2")
    assert (g.state, g.case.letters, g.case.facts.subjects) == ("notified", None, 47_000)
    g.later(1).notice("v2").letters(47_000, "p2")
    assert g.state == "settled"
    ignored(g.counted(47_000, 47_000, "d2"))
    rejected(g.counted(5, 4, "d3"), "impossible_bounds")
    rejected(g.counted(-1, None, "d3"), "impossible_bounds")


def test_a_recurrence_starts_a_new_clock_and_keeps_what_was_filed_on_record():
    g = settled().closed().later(300)
    g.on(e.BreachRecurred(g.now, ADA, g.now, "the same hole"))
    assert (g.state, g.case.occurrence, g.case.clock.aware_at) == ("aware", 2, g.now)
    assert (len(g.case.past), g.case.filings, g.case.rung) == (1, (), ())
    assert "ref-1" in documented(g.case)["filed"]
    ignored(g.on(e.BreachRecurred(g.now, ADA, g.now, "the same message again")))


@pytest.mark.parametrize("exemption", Exemption)
def test_an_exemption_needs_its_evidence_and_a_second_person(exemption):
    g = aware().decided().notice("v1")
    rejected(g.claimed(exemption, evidence=proof_of(exemption)[1:]), "not_proven")
    g.claimed(exemption)
    assert g.state == "notified"
    rejected(g.on(e.ExemptionConfirmed(NIGHT, ADA)), "own_no")
    g.on(e.ExemptionConfirmed(NIGHT, BEN))
    assert g.state == "settled"
    assert ("publish" in g.did) == (exemption is Exemption.DISPROPORTIONATE)


def test_the_order_of_an_authority_undoes_an_exemption_and_a_no():
    exempt = aware().decided().notice("v1").claimed().on(e.ExemptionConfirmed(NIGHT, BEN))
    no = aware().decided(subjects=False).confirmed().notice("v1").closed()
    for g in (exempt, no):
        g.on(e.SubjectsOrdered(NIGHT, ADA, "DE-BE", "order-7"))
        assert (g.state, g.decision.article, g.case.alerts) == ("notified", "GDPR Art. 34(4)", ("ordered",))
        assert "send_letters" in g.did
        rejected(g.claimed(), "ordered" if g is exempt else "nobody_owed")
        assert g.letters().state == "settled"
    ignored(settled().on(e.SubjectsOrdered(NIGHT, ADA, "DE-BE", "order-7")))


def test_letters_count_only_with_their_proof():
    g = aware().decided().notice("v1")
    rejected(g.letters(proof=""), "no_proof")
    rejected(g.letters(told=0), "nobody_told")
    rejected(g.letters(told=-1), "impossible_numbers")
    ignored(g.letters().letters())


def test_a_case_is_closed_with_effects_and_measures_written_down():
    rejected(settled().closed(effects=""), "not_documented")
    rejected(settled().closed(measures=" "), "not_documented")
    g = settled().closed()
    assert documented(g.case)["measures"] == "patched"
    assert g.on(e.CaseReopened(NIGHT, ADA, "a question")).state == "settled"


def test_a_processor_tells_its_controller_without_a_clock_of_the_authority_and_decides_nothing():
    g = GivenBreach().suspected(party=Party.PROCESSOR).aware()
    assert "tell_controller" in g.did
    g.stated()
    for act in (g.decided, g.drafted, g.letters):
        rejected(act(), "not_a_controller")
    rejected(g.on(e.ControllerTold(NIGHT, ADA, "", "copy")), "no_proof")
    g.on(e.ControllerTold(NIGHT, ADA, "mail-1", "copy"))
    assert (g.state, g.decision.article) == ("settled", "GDPR Art. 33(2)")
    rejected(aware().on(e.ControllerTold(NIGHT, ADA, "mail-1", "copy")), "not_a_processor")


def test_each_controller_of_an_incident_has_its_own_case_and_clock():
    berlin = Concerned("acme", Party.CONTROLLER, "DE", "Europe/Berlin", "gdpr")
    london = Concerned("bolt", Party.CONTROLLER, "GB-EAW", "Europe/London", "uk-gdpr")
    told = suspected_at_all(INCIDENT, [berlin, london, berlin], at=NIGHT, source="vendor", evidence=("s",))
    assert len({event.case_id for event in told}) == len(told) == 2
    assert told == suspected_at_all(INCIDENT, [berlin, london], at=NIGHT, source="vendor", evidence=("s",))
    assert case_id(INCIDENT, "acme", Party.CONTROLLER) != case_id(INCIDENT, "acme", Party.PROCESSOR)
    first, second = GivenBreach().on(told[0]).aware(), GivenBreach().on(told[1]).later(10).aware()
    assert second.case.clock.due - first.case.clock.due == timedelta(hours=10)
    assert {first.case.clock.regime, second.case.clock.regime} == {"gdpr", "uk-gdpr"}


def test_a_chain_that_was_tampered_with_is_seen():
    g = settled()
    links = g.links
    check(links)
    for broken in (
        [links[0], *links[2:]],
        [links[0]._replace(content=links[0].content.replace("acme", "acmf")), *links[1:]],
        [links[0]._replace(case_id=UUID(int=1)), *links[1:]],
    ):
        with pytest.raises(HistoryBroken):
            check(broken)
    with pytest.raises(HistoryBroken):
        replay([links[0], links[3]])
    with pytest.raises(HistoryBroken):
        replay([links[0]._replace(content=links[0].content.replace('"suspected"', '"aware"'))])


def test_the_second_opening_of_a_case_changes_nothing():
    ignored(GivenBreach().suspected().on(suspected()))
    rejected(GivenBreach().aware(), "unknown_case")
