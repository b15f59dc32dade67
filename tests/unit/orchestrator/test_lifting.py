"""Art. 18(3): the data subject is told before a restriction is lifted, and the letter is what proves it."""

import json
import uuid
from datetime import timedelta

import pytest

from lethe_events import LetterState
from lethe_events.words import Right
from lethe_testkit.letters import Writing, told
from lethe_testkit.saga_rights import known, settle
from lethe_testkit.sagas import NEXT_VERSION, RETENTION
from orchestrator.application.correspondence import trouble
from orchestrator.domain import record
from orchestrator.domain.certificate import certificate
from orchestrator.domain.letter_events import LetterReported
from orchestrator.domain.lift_events import LiftAnnounced, LiftCalledOff, LiftOrdered
from orchestrator.domain.rights_told import restriction_json
from orchestrator.domain.timers import Kind, next_moment

SHOP = known("shop")
LETTER = "restriction_lifting"


def restricted() -> Writing:
    given = Writing().received(Right.RESTRICTION, ground="legal_claims", categories=("user.name",)).whatever()
    return settle(given.planned(SHOP).whatever()).expect_state("answered")


def announced(given=None, days=7):
    given = given or restricted()
    return given.happens(LiftAnnounced(given.now, days, "claim_settled", "kim")).expect("tell answered")


def called_off(given):
    return given.happens(LiftCalledOff(given.now, "person_objected", "kim"))


def lift(given, told_at):
    return given.happens(LiftOrdered(given.now, told_at, "reached_by_phone", "robin"))


def test_announcing_writes_a_letter_and_lifts_nothing():
    given = announced()
    letter = given.letters[-1]
    assert (letter.kind, letter.categories, letter.because) == (LETTER, ("user.name",), ("claim_settled",))
    assert (letter.processors, letter.new_due) == (("shop",), given.now + timedelta(days=7))
    assert letter.not_after == letter.new_due
    given.pass_time(days=400).expect_state("answered")


def test_it_is_lifted_by_itself_when_the_days_have_passed_since_the_letter_went_out():
    given = announced().pass_time(days=2)
    told(given, LETTER).whatever()
    moment = next_moment(given.saga, RETENTION)
    assert moment is not None
    assert (moment.kind, moment.due_at) == (Kind.LIFT, given.now + timedelta(days=7))
    given.pass_time(days=6, hours=23).expect_state("answered")
    given.pass_time(hours=1).expect("ask lift@shop#2/1", "tell fulfilling")
    settle(given).expect_state("closed")
    said = certificate(given.saga, links=1, head="0" * 64)["restriction"]["lifting"]
    assert (said["reason"], said["by"]) == ("claim_settled", "kim")
    assert said["told_at"] < said["at"]
    assert given.saga.beside.announcing is None


def test_without_days_of_notice_it_is_lifted_as_soon_as_the_letter_went_out():
    given = announced(days=0)
    assert given.letters[-1].not_after == given.now + timedelta(days=1)
    given.pass_time(hours=1).expect_state("answered")
    told(given, LETTER).whatever()
    given.pass_time(seconds=1).expect("ask lift@shop#2/1", "tell fulfilling")


def test_a_report_that_names_an_earlier_moment_lifts_nothing_before_the_day_in_the_letter():
    given = announced()
    day = given.now + timedelta(days=7)
    told(given, LETTER, at=given.now - timedelta(days=3)).whatever()
    moment = next_moment(given.saga, RETENTION)
    assert moment is not None
    assert moment.due_at == day


@pytest.mark.parametrize("state", ["failed", "bounced"])
def test_a_letter_that_did_not_arrive_lifts_nothing_and_leaves_it_to_a_person(state):
    given = announced()
    if state == "bounced":
        told(given, LETTER).whatever()
    told(given, LETTER, state).whatever()
    assert next_moment(given.saga, RETENTION) is None
    given.pass_time(days=30).expect_state("answered")
    lift(given, given.now).expect("ask lift@shop#2/1", "tell fulfilling")


def test_nobody_who_could_be_told_is_an_exception_with_its_reason_on_record():
    given = told(announced(), LETTER, "failed").whatever()
    lift(given, None).expect("ask lift@shop#2/1", "tell fulfilling")
    settle(given).expect_state("closed")
    said = certificate(given.saga, links=1, head="0" * 64)["restriction"]["lifting"]
    assert (said["told_at"], said["untold"], said["reason"], said["by"]) == (
        None,
        "refused",
        "reached_by_phone",
        "robin",
    )


def test_without_a_letter_that_failed_nobody_lifts_untold():
    lift(restricted(), None).expect_rejected("not_told")
    lift(announced(), None).expect_rejected("announced")
    given = announced()
    lift(given, given.now).expect_rejected("announced")


def test_a_failed_announcement_is_tried_again_with_another_letter():
    given = told(announced(), LETTER, "failed").whatever()
    announced(given)
    first, second = (letter for letter in given.letters if letter.kind == LETTER)
    assert first.letter_id != second.letter_id
    told(given, LETTER, "sent", n=1).whatever()  # late word of the first one
    assert given.saga.beside.announcing.told_at is None
    told(given, LETTER, n=2).whatever()
    assert given.saga.beside.announcing.told_at == given.now


def test_it_is_announced_once_and_can_be_called_off():
    given = announced()
    given.happens(LiftAnnounced(given.now, 7, "x", "robin")).expect_rejected("announced")
    told(given, LETTER).whatever()
    called_off(given).expect("tell answered")
    given.pass_time(days=30).expect_state("answered")
    assert "announced" not in restriction_json(given.saga)
    called_off(given).expect_rejected("not_announced")
    announced(given)
    assert len({letter.letter_id for letter in given.letters}) == len(given.letters)


def test_a_request_that_was_taken_back_is_lifted_in_the_same_way():
    given = restricted().withdrawn().whatever()
    announced(given)
    told(given, LETTER).whatever()
    given.pass_time(days=7).expect("resolve lift_wanted", "ask lift@shop#2/1", "tell fulfilling")


def test_a_newcomer_that_is_still_being_restricted_is_waited_for():
    given = told(announced(), LETTER).whatever()
    given.joined(known("crm", as_="shop", register_version=NEXT_VERSION)).whatever()
    given.pass_time(days=8).whatever()
    assert given.saga.beside.lifting is None
    settle(given)
    given.pass_time(seconds=1).expect("ask lift@crm#2/1", "ask lift@shop#2/1", "tell fulfilling")


def test_a_letter_that_did_not_arrive_is_an_incident():
    given = announced()
    named = (uuid.UUID(int=1), uuid.UUID(int=2), "acme", LETTER)
    event = LetterReported(given.now, *named, LetterState.BOUNCED, given.now)
    assert trouble(given.saga, event) == f"{LETTER}: bounced"


def test_what_is_recorded_of_it_is_read_back():
    given = told(announced(), LETTER).whatever()
    for event in (
        LiftAnnounced(given.now, 3, "x", "kim"),
        LiftCalledOff(given.now, "x", "kim"),
        LiftOrdered(given.now, None, "x", "kim"),
        LiftOrdered(given.now, given.now, "x", "kim"),
    ):
        data = json.loads(json.dumps(record.to_json(event)))
        context = record.Context(given.saga.id, "acme", {})
        assert record.from_json(record.kind_of(type(event)), given.now, "kim", data, context) == event
