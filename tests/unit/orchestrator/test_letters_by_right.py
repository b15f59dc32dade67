"""What a person is told about the rights beside access and erasure: when, once, and never more than was done."""

from datetime import timedelta

import pytest

from lethe_events.words import Right
from lethe_law import GROUNDS
from lethe_testkit.letters import Writing
from lethe_testkit.saga_rights import LEGITIMATE, NEWSLETTER, known, settle, wander
from lethe_testkit.sagas import NEXT_VERSION, NOW, RETENTION, VERSION
from orchestrator.domain.letter_acts import letter_id
from orchestrator.domain.replay import replay

SHOP, LAB, LEDGER, MAILER = (known(name) for name in ("shop", "lab", "ledger", "mailer"))


def begun(right, *processors, **asked):
    return Writing().received(right, **asked).whatever().planned(*processors).whatever()


def only(given):
    (letter,) = given.letters
    assert letter.letter_id == letter_id(given.saga, letter.kind)
    assert letter.right is given.saga.right
    return letter


def excepted(given, name):
    return given.acked(name, "permanent").whatever().proposed(name).whatever().approved(name).whatever()


class TestDone:
    def test_a_portable_copy_is_told_with_the_day_until_which_it_can_be_fetched(self):
        given = begun(Right.PORTABILITY, SHOP)
        given.acked("export@shop", "done").whatever()
        assert given.kinds == []
        given.acked("package@lethe-package", "done").whatever()
        letter = only(given)
        assert (letter.kind, letter.processors, letter.package_until) == ("portability", ("shop",), NOW + RETENTION)

    def test_a_copy_that_lacks_a_processor_is_told_with_what_it_lacks_and_why(self):
        given = excepted(begun(Right.PORTABILITY, SHOP, MAILER), "export@mailer")
        given.acked("export@shop", "done").whatever().acked("package@lethe-package", "done").whatever()
        copy, partly = given.letters
        assert (copy.kind, partly.kind, partly.processors) == ("portability", "partially_granted", ("shop",))
        assert [r.processor_id for r in partly.reasons] == ["mailer"]

    def test_where_every_copy_was_excepted_the_person_is_told_why(self):
        letter = only(excepted(begun(Right.PORTABILITY, SHOP), "export@shop").acked("package@lethe-package", "done"))
        assert (letter.kind, [r.ground for r in letter.reasons]) == ("refused", ["legal_claims"])

    def test_where_nothing_is_portable_the_person_is_told_so(self):
        assert only(begun(Right.PORTABILITY, LAB, LEDGER)).kind == "nothing_held"

    def test_a_correction_is_told_by_what_was_corrected_and_only_when_it_was_seen(self):
        given = begun(Right.RECTIFICATION, SHOP, LEDGER, categories=("user.name",))
        given.acked("rectify@shop", "done").whatever()
        assert given.kinds == []
        given.acked("verify@shop", "nothing_found").whatever()
        letter = only(given)
        assert (letter.kind, letter.categories, letter.processors) == ("rectified", ("user.name",), ("shop",))

    @pytest.mark.parametrize(
        ("ground", "point"),
        [("accuracy_contested", "a"), ("unlawful", "b"), ("legal_claims", "c"), ("objection_pending", "d")],
    )
    def test_a_restriction_is_told_with_its_point_of_the_law(self, ground, point):
        letter = only(settle(begun(Right.RESTRICTION, SHOP, ground=ground, categories=("user.name",))))
        assert (letter.kind, letter.point, letter.categories) == ("restricted", point, ("user.name",))

    def test_lifting_a_restriction_and_newcomers_say_nothing_a_second_time(self):
        given = settle(begun(Right.RESTRICTION, SHOP, ground="unlawful"))
        settle(given.joined(known("lab", register_version=NEXT_VERSION)).whatever())
        settle(given.lifted().whatever()).expect_state("closed")
        assert given.kinds == ["restricted"]

    def test_a_withdrawn_consent_names_the_purposes_that_ended_and_no_wider_ones(self):
        letter = only(settle(begun(Right.CONSENT_WITHDRAWAL, SHOP, LAB, purposes=("marketing",))))
        assert (letter.kind, letter.purposes, letter.marketing) == ("consent_withdrawn", (NEWSLETTER[0],), False)

    def test_where_erasing_stood_in_for_suppressing_the_purposes_are_told_all_the_same(self):
        letter = only(settle(begun(Right.CONSENT_WITHDRAWAL, MAILER, purposes=("marketing",))))
        assert (letter.kind, letter.purposes, letter.processors) == ("consent_withdrawn", (NEWSLETTER[0],), ("mailer",))

    def test_an_objection_to_marketing_is_told_as_one(self):
        letter = only(settle(begun(Right.OBJECTION, SHOP, direct_marketing=True)))
        assert (letter.kind, letter.marketing, letter.purposes) == ("objection_upheld", True, (NEWSLETTER[0],))

    @pytest.mark.parametrize("right", [Right.RECTIFICATION, Right.RESTRICTION])
    def test_a_person_of_whom_nothing_is_held_is_told_so(self, right):
        assert only(settle(begun(right, SHOP), "nothing_found")).kind == "nothing_held"

    def test_what_was_excepted_is_told_with_its_ground_beside_what_was_done(self):
        given = settle(excepted(begun(Right.RECTIFICATION, SHOP, MAILER), "rectify@mailer"))
        letter = only(given)
        assert (letter.kind, letter.processors) == ("partially_granted", ("shop",))
        assert [(r.ground, r.processor_id) for r in letter.reasons] == [("legal_claims", "mailer")]
        assert only(excepted(begun(Right.RECTIFICATION, SHOP), "rectify@shop")).kind == "refused"


class TestDecided:
    def test_nobody_is_told_of_a_decision_before_it_is_made_and_carried_out(self):
        given = settle(begun(Right.OBJECTION, SHOP, purposes=("analytics",)))
        assert given.kinds == []
        given.decided("upheld").whatever()
        assert given.kinds == []
        settle(settle(given).lifted().whatever()).expect_state("closed")
        letter = only(given)
        assert (letter.kind, letter.purposes, letter.marketing) == ("objection_upheld", (LEGITIMATE[0],), False)

    @pytest.mark.parametrize(
        ("right", "asked", "ground"),
        [
            (Right.OBJECTION, {}, "compelling_grounds"),
            (Right.OBJECTION, {}, "legal_claims"),
            (Right.RECTIFICATION, {"contested": True}, "accuracy_established"),
        ],
    )
    def test_a_rejection_is_told_after_the_second_person_with_ground_and_reasons(self, right, asked, ground):
        given = settle(begun(right, SHOP, **asked)).decided("rejected", ground).whatever()
        assert given.kinds == []
        settle(given.decision_approved().whatever().lifted().whatever()).expect_state("closed")
        letter = only(given)
        assert (letter.kind, [r.ground for r in letter.reasons]) == ("refused", [ground])
        assert letter.reasons[0].article == given.saga.beside.decision.article
        assert letter.because == given.saga.beside.decision.reasons != ()
        assert ground in GROUNDS

    def test_contested_accuracy_that_was_corrected_is_told_as_a_correction(self):
        given = settle(begun(Right.RECTIFICATION, SHOP, contested=True, categories=("user.name",)))
        settle(given.decided("upheld").whatever())
        assert (only(given).kind, only(given).categories) == ("rectified", ("user.name",))

    @pytest.mark.parametrize(("outcome", "changed"), [("changed", True), ("confirmed", False)])
    def test_a_review_is_told_with_its_outcome_and_reasons(self, outcome, changed):
        given = begun(Right.AUTOMATED_DECISION, SHOP, decision="CR-2026-17").decided(outcome).whatever()
        if not changed:
            assert given.kinds == []
            given.decision_approved().whatever()
        letter = only(given)
        assert (letter.kind, letter.decision, letter.changed) == ("automated_review", "CR-2026-17", changed)
        assert letter.because == given.saga.beside.decision.reasons != ()


class TestTakenBack:
    @pytest.mark.parametrize("right", [Right.RESTRICTION, Right.OBJECTION])
    def test_what_was_taken_back_is_confirmed_once_and_its_lifting_says_nothing_more(self, right):
        given = settle(begun(right, SHOP)).withdrawn().whatever()
        settle(given.lifted().whatever()).expect_state("closed")
        assert given.kinds == (["restricted"] if right is Right.RESTRICTION else []) + ["withdrawn"]

    def test_a_review_that_was_taken_back_is_confirmed_as_withdrawn(self):
        assert only(begun(Right.AUTOMATED_DECISION, SHOP).withdrawn().whatever()).kind == "withdrawn"


class TestPromised:
    def started(self, *others):
        vendor = known("lab", deletion_lag=timedelta(days=2), categories=("user.name",))
        given = begun(Right.RECTIFICATION, vendor, *others, categories=("user.name",))
        return given.acked("rectify@lab", "accepted", expected_by=given.now + timedelta(days=3)).whatever()

    def keep_word(self, given):
        given.pass_time(days=4).whatever()
        given.acked("rectify@lab", "done").whatever().acked("verify@lab", "nothing_found").whatever()
        return given.expect_state("closed")

    def test_what_is_only_promised_is_not_told_as_done(self):
        given = self.started(SHOP).acked("rectify@shop", "done").whatever()
        given.acked("verify@shop", "nothing_found").whatever().expect_state("answered")
        assert only(given).processors == ("shop",)
        self.keep_word(given)
        assert [(x.kind, x.processors) for x in given.letters] == [("rectified", ("shop",)), ("rectified", ("lab",))]
        assert len({x.letter_id for x in given.letters}) == 2

    def test_where_all_of_it_is_promised_the_person_is_told_when_it_is_done(self):
        given = self.started().expect_state("answered")
        assert given.kinds == []
        assert [x.processors for x in self.keep_word(given).letters] == [("lab",)]

    def test_a_promise_that_was_only_seen_to_be_kept_is_told_as_done(self):
        given = self.started().pass_time(days=4).whatever()
        given.acked("verify@lab", "nothing_found").whatever()
        assert [(x.kind, x.processors) for x in given.letters] == [("rectified", ("lab",))]

    def test_of_several_promises_the_second_letter_waits_for_the_last(self):
        other = known("post", as_="shop", deletion_lag=timedelta(days=2))
        given = self.started(other, SHOP).acked("rectify@post", "accepted", expected_by=NOW + timedelta(days=3))
        given.whatever().acked("rectify@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
        given.pass_time(days=4).whatever()
        given.acked("rectify@post", "done").whatever().acked("verify@post", "nothing_found").whatever()
        assert given.kinds == ["rectified"]
        given.acked("rectify@lab", "done").whatever().acked("verify@lab", "nothing_found").whatever()
        assert given.letters[1].processors == ("lab", "post")

    def test_a_promise_to_stop_a_purpose_is_not_told_with_those_that_ended(self):
        vendor = known("lab", deletion_lag=timedelta(days=2), purposes=(("marketing.advertising", "consent"),))
        given = begun(Right.OBJECTION, SHOP, vendor, direct_marketing=True)
        given.acked("suppress@lab", "accepted", expected_by=NOW + timedelta(days=3)).whatever()
        given.acked("suppress@shop", "done").whatever().acked("verify@shop", "nothing_found").whatever()
        assert only(given).purposes == (NEWSLETTER[0],)

    def test_a_promise_that_was_kept_before_the_answer_is_told_once_and_not_at_the_lifting(self):
        given = begun(Right.RESTRICTION, SHOP, known("lab", deletion_lag=timedelta(days=2)), ground="unlawful")
        given.acked("restrict@lab", "accepted", expected_by=NOW + timedelta(days=3)).whatever()
        given.pass_time(days=4).whatever().acked("restrict@lab", "done").whatever()
        given.acked("verify@lab", "nothing_found").whatever()
        settle(settle(given).expect_state("answered").lifted().whatever()).expect_state("closed")
        assert [x.processors for x in given.letters] == [("lab", "shop")]


def test_letters_change_nothing_of_what_replays():
    given = settle(begun(Right.OBJECTION, SHOP)).decided("rejected", "compelling_grounds").whatever()
    given.decision_approved().whatever()
    assert replay(given.history(), {VERSION: {"shop": SHOP}}) == given.saga


@pytest.mark.parametrize("seed", range(40))
def test_whoever_is_answered_is_written_to_and_no_letter_is_asked_for_twice(seed, monkeypatch):
    monkeypatch.setattr("lethe_testkit.saga_rights.Given", Writing)
    given = wander(seed)
    ids = [letter.letter_id for letter in given.letters]
    assert len(ids) == len(set(ids))
    if given.saga.closed_at is not None:
        assert given.kinds
