"""Every right beside access and erasure: who is asked, for what, on which terms, and when it may close."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from lethe_events.words import Right, SagaState, Verb
from lethe_law import GROUNDS, Effect
from lethe_testkit.saga_rights import (
    EVERY,
    LEGITIMATE,
    NEWSLETTER,
    PROCESSORS,
    begun,
    known,
    settle,
    settle_one,
    wander,
)
from lethe_testkit.sagas import NEXT_VERSION, VERSION, Given, rules
from orchestrator.domain import courses
from orchestrator.domain.certificate import certificate
from orchestrator.domain.closing import LAWFUL_END, Verdict, result, verdicts
from orchestrator.domain.courses import Case, Phase
from orchestrator.domain.decision_acts import AGAINST, OUTCOMES
from orchestrator.domain.replay import replay
from orchestrator.domain.retry import RetryPolicy
from orchestrator.domain.rules import Unverifiable
from orchestrator.domain.terms import purposes_of

SHOP, LAB, LEDGER, MAILER = (known(name) for name in ("shop", "lab", "ledger", "mailer"))


def document(given):
    return certificate(given.saga, links=len(given.links), head=given.links[-1].hash)


def asked(given):
    """Verb and processor of every task that the right reaches."""
    return {(t.verb.value, t.processor_id) for t in given.saga.tasks.values() if not courses.not_concerned(t)}


def left_out(given):
    return {n["processor"]: n["code"] for n in document(given).get("not_concerned", [])}


def verdict(given, processor_id):
    return verdicts(given.saga.right, given.saga.needs_package, given.saga.tasks)[processor_id]


class TestTables:
    @pytest.mark.parametrize(("case", "phase"), list(product(Case, Phase)))
    def test_every_case_and_phase_is_a_stage_or_has_its_reason(self, case, phase):
        stages = sum((s.case, s.phase) == (case, phase) for s in courses.STAGES)
        never = [n.reason for n in courses.NEVER if (n.case, n.phase) == (case, phase)]
        assert stages + len(never) == 1
        assert all(never)

    def test_every_stage_names_its_article_and_a_change_is_looked_at(self):
        assert all(s.article.startswith("GDPR Art. ") for s in courses.STAGES)
        assert all(s.look == bool(set(s.verbs) & {*EVERY} - {Verb.EXPORT}) for s in courses.STAGES)

    def test_what_may_be_decided_against_rests_on_a_ground_of_the_law(self):
        assert all(GROUNDS[g].effect in {Effect.OVERRIDE, Effect.RETAIN} for gs in AGAINST.values() for g in gs)
        assert all(sorted(o.values()) == [False, True] for o in OUTCOMES.values())


class TestPortability:
    def test_only_what_rests_on_consent_or_a_contract_is_exported(self):
        given = begun(Right.PORTABILITY, SHOP, MAILER, LAB, LEDGER)
        assert asked(given) == {("export", "shop"), ("export", "mailer"), ("package", "lethe-package")}
        settle(given).expect_state("closed")
        assert left_out(given) == {"lab": "no_portable_basis", "ledger": "no_portable_basis"}
        assert result(given.saga) == "granted"

    def test_the_package_holds_the_parts_of_those_that_were_asked(self):
        given = begun(Right.PORTABILITY, SHOP, LAB)
        command = given.acked("export@shop", "done").decision.commands[0]
        assert [p.processor_id for p in command.parts] == ["shop"]

    def test_without_anything_portable_nothing_is_read_and_the_certificate_says_why(self):
        given = begun(Right.PORTABILITY, LAB, LEDGER).expect_state("closed")
        assert asked(given) == set()
        assert result(given.saga) == "nothing_found"
        assert set(left_out(given)) == {"lab", "ledger"}

    @settings(max_examples=60, deadline=None)
    @hypothesis_given(
        st.lists(
            st.tuples(
                st.sampled_from(["consent", "contract", "legal_obligation", "public_task", "legitimate_interests"]),
                st.sampled_from(["shop", "crm", "lab", "post"]),
            ),
            min_size=1,
        )
    )
    def test_whom_portability_asks_access_asks_as_well(self, register):
        named = {name: tuple(("a.use", basis) for basis, n in register if n == name) for _, name in register}
        processors = [rules(name, purposes=purposes) for name, purposes in sorted(named.items())]
        ported = asked(begun(Right.PORTABILITY, *processors)) - {("package", "lethe-package")}
        assert ported <= asked(begun(Right.ACCESS, *processors))


class TestRectification:
    def test_who_holds_the_categories_corrects_them_and_is_looked_at(self):
        given = begun(Right.RECTIFICATION, SHOP, LEDGER, categories=("user.name.first",))
        assert asked(given) == {("rectify", "shop"), ("verify", "shop")}
        settle(given).expect_state("closed")
        assert left_out(given) == {"ledger": "categories_not_held"}

    def test_it_is_not_closed_before_the_new_values_were_seen(self):
        given = begun(Right.RECTIFICATION, SHOP).acked("rectify@shop", "done").whatever()
        given.acked("verify@shop", "residual").whatever().expect_state("fulfilling")
        given.acked("rectify@shop#2", "done").whatever().acked("verify@shop#2", "residual")
        given.expect("open acked_without_effect: verify@shop#2", "tell verifying")
        given.retried("verify@shop#2").expect(
            "resolve acked_without_effect: verify@shop#2", "ask rectify@shop#3/1", "tell fulfilling"
        )

    def test_contested_accuracy_restricts_first_and_asks_a_person(self):
        given = begun(Right.RECTIFICATION, SHOP, contested=True)
        assert asked(given) == {("restrict", "shop"), ("verify", "shop")}
        settle(given).expect_state("deciding").decided("upheld")
        given.expect("ask rectify@shop#2/1", "tell fulfilling")
        settle(given).expect_state("answered")
        assert result(given.saga) == "granted"
        settle(given.lifted().expect("ask lift@shop#3/1", "tell fulfilling")).expect_state("closed")

    def test_accuracy_that_was_shown_is_a_refusal_by_two_people(self):
        given = settle(begun(Right.RECTIFICATION, SHOP, contested=True))
        given.decided("rejected", "accuracy_established").expect("tell deciding")
        given.decision_approved(by="kim").expect_rejected("same_person").decision_approved().expect("tell answered")
        assert result(given.saga) == "refused"
        assert document(given)["remedies"]["complaint"] == "GDPR Art. 77(1)"


class TestRestriction:
    def test_it_is_answered_when_seen_and_stays_open_while_in_force(self):
        given = begun(Right.RESTRICTION, SHOP, LAB, ground="legal_claims")
        settle_one(given, "shop").expect_state("fulfilling")
        settle_one(given, "lab").expect_state("answered")
        given.pass_time(days=400).expect()
        assert result(given.saga) == "granted"
        assert given.saga.closed_at is None

    def test_lifting_needs_that_the_person_was_told_before(self):
        given = settle(begun(Right.RESTRICTION, SHOP)).pass_time(days=2)
        given.lifted(told_at=given.now + timedelta(hours=1)).expect_rejected("not_told")
        given.lifted(told_at=given.now - timedelta(days=3)).expect_rejected("not_told")
        given.lifted(told_at=given.now - timedelta(days=1)).expect("ask lift@shop#2/1", "tell fulfilling")
        given.acked("lift@shop#2", "done").whatever().expect_state("verifying")
        given.acked("verify@shop#2", "nothing_found").whatever().expect_state("closed")
        lifting = document(given)["restriction"]["lifting"]
        assert (lifting["by"], lifting["reason"]) == ("kim", "accuracy_verified")

    def test_nothing_is_lifted_where_nothing_was_restricted(self):
        given = begun(Right.RESTRICTION, SHOP, LAB)
        given.acked("restrict@lab", "nothing_found").whatever().acked("verify@lab", "nothing_found").whatever()
        settle_one(given, "shop").lifted().expect("ask lift@shop#2/1", "tell fulfilling")
        given = settle(begun(Right.RESTRICTION, SHOP), "nothing_found").expect_state("closed")
        assert result(given.saga) == "nothing_found"

    def test_a_newcomer_is_restricted_while_the_restriction_is_in_force_and_not_after(self):
        given = settle(begun(Right.RESTRICTION, SHOP))
        given.joined(known("lab", register_version=NEXT_VERSION)).expect("ask restrict@lab#1/1")
        settle(given).expect_state("answered").lifted().whatever()
        given.joined(known("ledger", register_version=NEXT_VERSION)).expect()
        settle(given).expect_state("closed")
        assert left_out(given) == {"ledger": "nothing_left_to_do"}

    def test_taking_it_back_asks_a_person_to_lift_it(self):
        given = settle(begun(Right.RESTRICTION, SHOP)).withdrawn().expect("open lift_wanted", "tell answered")
        given.withdrawn().expect_ignored()
        given.lifted().expect("resolve lift_wanted", "ask lift@shop#2/1", "tell fulfilling")
        settle(given).expect_state("closed")
        assert result(given.saga) == "withdrawn"
        assert document(given)["taken_back"]["said_at"]

    def test_it_cannot_be_refused_once_anything_was_restricted(self):
        given = begun(Right.RESTRICTION, SHOP).refusing().expect_rejected("restricted")
        settle(given).refusing().expect_rejected("answered")


class TestObjection:
    def test_direct_marketing_is_stopped_everywhere_at_once(self):
        given = begun(Right.OBJECTION, SHOP, MAILER, LAB, direct_marketing=True)
        assert [t.name for t in given.saga.tasks.values() if t.attempt] == ["suppress@shop#1"]
        assert given.task("suppress@mailer").code == "verb_missing"
        assert left_out(given) == {"lab": "purpose_not_pursued"}
        assert purposes_of(given.saga, given.task("suppress@shop")) == (NEWSLETTER[0],)

    def test_other_grounds_are_restricted_at_once_where_the_basis_can_be_objected_to(self):
        given = begun(Right.OBJECTION, SHOP, LAB, LEDGER, MAILER)
        assert asked(given) >= {("restrict", "shop"), ("restrict", "lab")}
        assert left_out(given) == {"ledger": "other_basis", "mailer": "other_basis"}
        assert purposes_of(given.saga, given.task("restrict@shop")) == ("essential.service", NEWSLETTER[0])
        assert purposes_of(given.saga, given.task("restrict@lab")) == ()

    def test_nobody_is_answered_before_a_person_has_decided(self):
        given = settle(begun(Right.OBJECTION, SHOP)).expect_state("deciding")
        assert (given.saga.answered_at, result(given.saga)) == (None, None)
        given.pass_time(days=40).whatever().lifted().expect_rejected("not_decided")
        assert given.saga.alerts == ("deadline_missed",)

    def test_upheld_it_is_suppressed_for_its_purposes_and_then_lifted(self):
        given = settle(begun(Right.OBJECTION, SHOP, purposes=("analytics",)))
        given.decided("upheld").expect("ask suppress@shop#2/1", "tell fulfilling")
        assert purposes_of(given.saga, given.task("suppress@shop#2")) == (LEGITIMATE[0],)
        settle(settle(given).expect_state("answered").lifted().whatever()).expect_state("closed")
        assert result(given.saga) == "granted"
        assert [t.name for t in given.saga.tasks.values() if t.verb is Verb.LIFT] == ["lift@shop#3"]

    def test_rejected_by_two_people_with_a_ground_and_reasons(self):
        given = settle(begun(Right.OBJECTION, SHOP))
        given.decided("rejected").expect_rejected("unknown_ground").decided("rejected", "excessive")
        given.expect_rejected("unknown_ground").decided("rejected", "compelling_grounds", reasons=())
        given.expect_rejected("no_reasons").decision_approved().expect_rejected("nothing_proposed")
        given.decided("rejected", "compelling_grounds").expect("tell deciding").decision_approved(by="kim")
        given.expect_rejected("same_person").decision_approved().expect("tell answered")
        assert result(given.saga) == "refused"
        settle(given.lifted().whatever()).expect_state("closed")
        found = document(given)
        assert (found["decision"]["decided_by"], found["decision"]["approved_by"]) == ("kim", "robin")
        assert found["remedies"]["court"] == "GDPR Art. 79(1)"
        assert [t for t in given.saga.tasks.values() if t.verb is Verb.SUPPRESS] == []

    def test_nothing_is_decided_while_a_processor_still_has_to_act(self):
        begun(Right.OBJECTION, SHOP).decided("upheld").expect_rejected("not_yet")


class TestConsent:
    def test_only_what_rests_on_the_consent_is_stopped(self):
        given = begun(Right.CONSENT_WITHDRAWAL, SHOP, LAB, LEDGER, purposes=("marketing",))
        assert asked(given) == {("suppress", "shop"), ("verify", "shop")}
        assert left_out(given) == {"lab": "purpose_not_pursued", "ledger": "purpose_not_pursued"}
        assert purposes_of(given.saga, given.task("verify@shop")) == (NEWSLETTER[0],)
        settle(given).expect_state("closed")
        assert begun(Right.CONSENT_WITHDRAWAL, SHOP, LAB, purposes=("analytics",)).saga.closed_at is not None

    def test_a_narrower_purpose_than_the_register_names_is_not_widened(self):
        given = begun(Right.CONSENT_WITHDRAWAL, SHOP, purposes=("marketing.communications.email.weekly",))
        assert purposes_of(given.saga, given.task("suppress@shop")) == ("marketing.communications.email.weekly",)

    def test_erasing_stands_in_only_where_nothing_else_rests_on_another_basis(self):
        given = begun(Right.CONSENT_WITHDRAWAL, MAILER, purposes=("marketing",))
        assert asked(given) == {("erase", "mailer"), ("verify", "mailer")}
        mixed = known("mailer", purposes=(NEWSLETTER, ("essential.service", "contract")))
        given = begun(Right.CONSENT_WITHDRAWAL, mixed, purposes=("marketing",))
        assert given.task("suppress@mailer").code == "verb_missing"
        given = begun(Right.CONSENT_WITHDRAWAL, MAILER, purposes=("marketing.communications.email.weekly",))
        assert given.task("suppress@mailer").code == "verb_missing"

    def test_a_purpose_that_nobody_knows_is_a_mistake_until_the_register_knows_it(self):
        given = Given().received(Right.CONSENT_WITHDRAWAL, purposes=("unheard.of",)).whatever()
        given.planned(SHOP, MAILER).expect("open nothing_concerned", "tell received").expect_state("received")
        later = known("shop", register_version=NEXT_VERSION, purposes=(("unheard.of", "consent"),))
        given.joined(later).expect_ignored().planned(later, MAILER)
        given.expect("resolve nothing_concerned", "ask suppress@shop#1/1", "tell fulfilling")

    def test_a_legal_hold_stops_what_would_be_erased(self):
        given = begun(Right.CONSENT_WITHDRAWAL, known("mailer", retries=RetryPolicy(max_attempts=3)))
        given.held().acked("erase@mailer", "transient").whatever().pass_time(hours=1).expect()
        assert given.status("erase@mailer") == "on_hold"


class TestAutomatedDecision:
    def test_nothing_is_asked_of_processors_and_a_person_decides(self):
        given = Given().received(Right.AUTOMATED_DECISION, decision="CR-2026-17").whatever().planned(SHOP)
        given.expect("tell deciding")
        given.joined(known("lab", register_version=NEXT_VERSION)).expect_ignored()
        given.decided("changed", by="kim").expect("tell closed")
        found = document(given)
        assert found["result"] == "granted"
        assert found["processors"] == []
        assert found["asked"]["decision"] == "CR-2026-17"
        assert "no_processor_asked" in {n["code"] for n in found["not_proven"]}

    def test_what_is_confirmed_needs_a_second_person_and_names_the_remedies(self):
        given = begun(Right.AUTOMATED_DECISION).decided("confirmed").whatever().expect_state("deciding")
        given.decision_approved(by="kim").expect_rejected("same_person").decision_approved().expect("tell closed")
        assert result(given.saga) == "partially_granted"
        assert document(given)["remedies"]["complaint"]

    def test_its_alarms_ring_like_any_other_and_it_can_be_taken_back(self):
        given = begun(Right.AUTOMATED_DECISION, SHOP).pass_time(days=40).whatever()
        assert given.saga.alerts == ("deadline_missed",)
        given = begun(Right.AUTOMATED_DECISION, SHOP).withdrawn().whatever().expect_state("closed")
        assert result(given.saga) == "withdrawn"


@pytest.mark.parametrize("seed", range(60))
def test_no_saga_is_done_without_every_processor_in_scope_and_its_record_replays(seed):
    """Whatever people and processors do: closed only with a lawful end at each, nothing restricted left behind."""
    given = wander(seed)
    saga = given.saga
    if saga.state is SagaState.CLOSED and saga.beside.ended is None:
        found = verdicts(saga.right, saga.needs_package, saga.tasks)
        assert set(found.values()) <= LAWFUL_END
        assert {p for p, v in found.items() if v is Verdict.NOT_CONCERNED} <= set(left_out(given))
        held = {t.processor_id for t in saga.tasks.values() if courses.restricted(t)}
        freed = {t.processor_id for t in saga.tasks.values() if t.verb is Verb.LIFT and t.settled}
        assert held <= freed
    for task in saga.tasks.values():
        if task.verb is Verb.VERIFY:
            assert purposes_of(saga, task) == purposes_of(saga, saga.tasks[task.after[0]])
    registers = {VERSION: {p.processor_id: p for p in PROCESSORS}, NEXT_VERSION: {}}
    for task in saga.tasks.values():
        registers[task.rules.register_version].setdefault(task.processor_id, task.rules)
    assert replay(given.history(), registers) == saga


def test_a_stopped_processor_may_be_excepted_from_looking():
    given = begun(Right.RECTIFICATION, known("shop", unverifiable=Unverifiable("cannot_be_reread", "A", "no_api")))
    given.acked("rectify@shop", "done").whatever().expect_state("closed")
    assert verdict(given, "shop") is Verdict.UNVERIFIABLE
