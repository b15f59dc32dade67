"""Erasure, told as given, when, expect. Whatever is not expected fails."""

from datetime import timedelta

from lethe_events.words import Verb
from lethe_testkit.sagas import Given, rules
from orchestrator.domain.retry import RetryPolicy
from orchestrator.domain.rules import Reach, Unverifiable

SHOP = rules("shop")
CRM = rules("crm", after=("shop",))
MAILER = rules("mailer", unverifiable=Unverifiable("cannot_be_reread", "GDPR Art. 5(2)", "no_api"))
VENDOR = rules("vendor", deletion_lag=timedelta(days=30))


def started(*processors, **more):
    given = Given().received(**more).expect()
    given.planned(*processors)
    return given


def test_a_saga_closes_when_every_processor_acknowledged_and_was_verified():
    given = started(SHOP)
    given.expect("ask erase@shop#1/1", "tell fulfilling")
    given.acked("erase@shop", "done").expect("ask verify@shop#1/1").expect_state("verifying")
    given.acked("verify@shop", "nothing_found").expect("tell closed").expect_state("closed")


def test_a_processor_is_erased_only_after_those_that_the_register_names():
    given = started(SHOP, CRM)
    given.expect("ask erase@shop#1/1", "tell fulfilling")
    given.acked("erase@shop", "nothing_found").expect("ask verify@shop#1/1", "ask erase@crm#1/1")


def test_a_vendors_promise_does_not_count_as_erased_for_those_that_come_after_it():
    given = started(rules("vendor"), rules("crm", after=("vendor",)))
    given.expect("ask erase@vendor#1/1", "tell fulfilling")
    given.acked("erase@vendor", "accepted", expected_by=given.now + timedelta(days=3)).expect()
    assert given.status("erase@crm") == "blocked"


def test_an_order_among_processors_outside_the_scope_does_not_block():
    started(CRM).expect("ask erase@crm#1/1", "tell fulfilling")


def test_nothing_is_erased_before_the_package_is_there():
    given = started(SHOP, MAILER, export_first=True)
    given.expect("ask export@shop#1/1", "ask export@mailer#1/1", "tell fulfilling")
    given.acked("export@shop", "done").expect()
    given.acked("export@mailer", "nothing_found").expect("ask package@lethe-package#1/1")
    given.acked("package@lethe-package", "done")
    given.expect("ask erase@shop#1/1", "ask erase@mailer#1/1", "tell fulfilling")


def test_a_failed_export_keeps_everything_from_being_erased():
    given = started(SHOP, MAILER, export_first=True).whatever()
    given.acked("export@mailer", "done").expect()
    given.acked("export@shop", "permanent").expect("open failed_permanently: export@shop#1", "tell fulfilling")
    assert {given.status("erase@shop"), given.status("erase@mailer")} == {"blocked"}


def test_a_processor_that_cannot_be_reread_closes_on_its_acknowledgement():
    given = started(MAILER).whatever()
    given.acked("erase@mailer", "done").expect("tell closed")


def test_an_empty_scope_never_closes_and_calls_a_person():
    given = Given().received().expect().planned()
    given.expect("open scope_empty", "tell received").expect_state("received")
    given.joined(SHOP).expect("ask erase@shop#1/1", "resolve scope_empty", "tell fulfilling")


def test_a_country_without_calendar_gets_the_shortest_month_and_a_person():
    given = Given().received(country="ZZ").expect("open clock_unsure", "tell received")
    assert given.saga.clock.due_strict - given.saga.received_at == timedelta(days=28)


def test_what_the_law_keeps_makes_the_result_partial():
    given = started(SHOP).whatever()
    given.acked("erase@shop", "retained").whatever().acked("verify@shop", "retained").expect("tell closed")


def test_data_found_after_an_acknowledgement_is_erased_anew_and_looked_for_anew():
    given = started(SHOP).whatever().acked("erase@shop", "done").whatever()
    given.acked("verify@shop", "residual").expect("ask erase@shop#2/1").expect_state("fulfilling")
    given.acked("erase@shop#2", "done").expect("ask verify@shop#2/1")
    given.acked("verify@shop#2", "nothing_found").expect("tell closed")


def test_a_processor_that_acknowledges_without_erasing_calls_a_person_after_two_rounds():
    given = started(SHOP).whatever().acked("erase@shop", "done").whatever()
    given.acked("verify@shop", "residual").whatever().acked("erase@shop#2", "done").whatever()
    given.acked("verify@shop#2", "residual").expect("open acked_without_erasing: verify@shop#2", "tell verifying")
    given.retried("verify@shop#2")
    given.expect("ask erase@shop#3/1", "resolve acked_without_erasing: verify@shop#2", "tell fulfilling")
    given.acked("erase@shop#3", "done").expect("ask verify@shop#3/1")
    given.acked("verify@shop#3", "nothing_found").expect("tell closed")


def test_a_first_look_is_not_undone_by_the_late_answer_of_an_earlier_one():
    given = started(SHOP).whatever().acked("erase@shop", "done").whatever()
    given.pass_time(minutes=15).expect("ask verify@shop#1/2")
    given.acked("verify@shop", "residual", attempt=2).expect("ask erase@shop#2/1")
    given.acked("verify@shop", "nothing_found", attempt=1).expect_ignored()


def test_a_later_look_that_finds_data_reopens_what_an_earlier_one_had_settled():
    given = started(SHOP, MAILER).whatever().acked("erase@shop", "done").whatever()
    given.pass_time(minutes=15).whatever()
    given.acked("verify@shop", "nothing_found", attempt=1).expect()
    given.acked("verify@shop", "residual", attempt=2).expect("ask erase@shop#2/1")


class TestAsynchronousVendor:
    def promised(self, *others):
        given = started(VENDOR, *others).whatever()
        given.acked("erase@vendor", "accepted", expected_by=given.now + timedelta(days=14))
        return given

    def test_the_answer_goes_out_while_absence_is_owed(self):
        given = self.promised().expect("tell answered").expect_state("answered")
        assert given.saga.closed_at is None

    def test_it_is_looked_at_when_promised_and_again_until_its_lag_is_over(self):
        given = self.promised().whatever()
        given.pass_time(days=13).expect()
        given.pass_time(days=1).expect("ask verify@vendor#1/1")
        given.acked("verify@vendor", "residual").expect()
        given.pass_time(seconds=2).expect("ask verify@vendor#1/2")
        given.acked("verify@vendor", "residual").expect().expect_state("answered")
        given.pass_time(seconds=4).expect("ask verify@vendor#1/3")
        given.acked("verify@vendor", "nothing_found").expect("tell closed")

    def test_after_its_lag_it_is_erased_anew(self):
        given = self.promised().whatever().pass_time(days=29, hours=23).whatever()
        given.acked("verify@vendor", "residual").expect()
        given.pass_time(hours=1).expect("ask verify@vendor#1/2")
        given.acked("verify@vendor", "residual").expect("ask erase@vendor#2/1").expect_state("fulfilling")

    def test_a_vendor_that_delivers_early_is_verified_early(self):
        given = self.promised().whatever()
        given.acked("erase@vendor", "done").expect("ask verify@vendor#1/1").expect_state("answered")

    def test_a_broken_promise_calls_a_person_and_the_answer_is_owed_again(self):
        given = self.promised().whatever()
        given.acked("erase@vendor", "permanent").expect("open promise_broken: erase@vendor#1", "tell fulfilling")

    def test_another_processor_still_has_to_be_verified_before_the_answer(self):
        given = self.promised(SHOP).expect().expect_state("fulfilling")
        given.acked("erase@shop", "done").expect("ask verify@shop#1/1").expect_state("verifying")
        given.acked("verify@shop", "nothing_found").expect("tell answered")

    def test_without_verification_the_promised_moment_is_waited_for(self):
        given = started(rules("post", unverifiable=MAILER.unverifiable)).whatever()
        given.acked("erase@post", "accepted", expected_by=given.now + timedelta(days=2)).expect("tell answered")
        given.pass_time(days=2).expect("tell closed")

    def test_excepting_the_look_after_the_promised_moment_settles_the_promise(self):
        given = self.promised().whatever().pass_time(days=14).whatever()
        given.proposed("verify@vendor").expect().approved("verify@vendor").expect("tell closed")


class TestTrouble:
    def test_a_transient_failure_is_asked_again_after_a_back_off(self):
        given = started(SHOP).whatever().acked("erase@shop", "transient").expect()
        given.pass_time(seconds=1).expect()
        given.pass_time(seconds=1).expect("ask erase@shop#1/2")

    def test_after_every_attempt_a_person_has_to_look(self):
        given = started(rules("shop", retries=RetryPolicy(max_attempts=2))).whatever()
        given.acked("erase@shop", "transient").expect().pass_time(seconds=2).expect("ask erase@shop#1/2")
        given.acked("erase@shop", "transient").expect("open attempts_exhausted: erase@shop#1", "tell fulfilling")
        given.retried("erase@shop")
        given.expect("ask erase@shop#1/3", "resolve attempts_exhausted: erase@shop#1", "tell fulfilling")

    def test_silence_is_asked_again_and_then_a_person_is_called(self):
        given = started(rules("shop", retries=RetryPolicy(max_attempts=2))).whatever()
        given.pass_time(minutes=14).expect()
        given.pass_time(minutes=1).expect("ask erase@shop#1/2")
        given.pass_time(minutes=15).expect("open no_answer: erase@shop#1", "tell fulfilling")
        given.acked("erase@shop", "done", attempt=1)
        given.expect("ask verify@shop#1/1", "resolve no_answer: erase@shop#1", "tell verifying")

    def test_a_late_answer_to_an_earlier_attempt_counts(self):
        given = started(SHOP).whatever().pass_time(minutes=15).expect("ask erase@shop#1/2")
        given.acked("erase@shop", "done", attempt=1).expect("ask verify@shop#1/1")
        given.acked("erase@shop", "done", attempt=2).expect_ignored()

    def test_a_late_failure_of_an_earlier_attempt_does_not_count(self):
        given = started(SHOP).whatever().pass_time(minutes=15).whatever()
        given.acked("erase@shop", "permanent", attempt=1).expect_ignored()

    def test_a_duplicate_changes_nothing(self):
        given = started(SHOP).whatever().acked("erase@shop", "done").whatever()
        given.acked("erase@shop", "done").expect_ignored().acked("erase@shop", "permanent").expect_ignored()

    def test_a_processor_that_needs_a_person_gets_one(self):
        given = started(SHOP).whatever()
        given.acked("erase@shop", "needs_person").expect("open needs_person: erase@shop#1", "tell fulfilling")

    def test_a_verb_that_the_register_does_not_give_calls_a_person(self):
        given = started(rules("shop", verbs=frozenset({Verb.EXPORT})))
        given.expect("open verb_missing: erase@shop#1", "tell fulfilling")
        given.retried("erase@shop", rules=SHOP)
        given.expect("ask erase@shop#1/1", "resolve verb_missing: erase@shop#1", "tell fulfilling")

    def test_a_kafka_native_processor_is_not_asked_without_a_token(self):
        app = rules("app", reach=Reach.KAFKA, identities=("email",))
        started(app).expect("open token_missing: erase@app#1", "tell fulfilling")
        given = Given().received().expect()
        given.planned(app, tokens={"app": ("t" * 43,)}).expect("ask erase@app#1/1", "tell fulfilling")
        assert given.task("verify@app").tokens == ("t" * 43,)
