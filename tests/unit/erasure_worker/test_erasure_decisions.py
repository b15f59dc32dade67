"""What an erasure may be told to have done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from erasure_worker.domain.decisions import LOOK_AGAIN_AFTER, had_no_effect, judge, waves
from lethe_events.models import Count, Evidence, Retained
from lethe_events.words import Grade, Method, Outcome, Verb
from lethe_processors.connector import Answer, WorkItem
from lethe_testkit import tasks

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=3)
ERASED = Count(collection="orders", method=Method.ERASED, rows=3)
NONE_ERASED = Count(collection="orders", method=Method.ERASED, rows=0)
SEEN = Evidence(kind="http_response", sha256="ab" * 32)
KEPT = Retained(collection="invoices", category="user.financial", rows=2, ground="tax", article="GDPR Art. 17(3)(b)")


def item(number: int, **identifiers: str) -> WorkItem:
    return tasks.item("shop", Verb.ERASE, number, **identifiers)


def told(answer: Answer, *, asked_before: bool = False, lag: timedelta | None = None) -> Answer:
    return judge(answer, first_asked_at=EARLIER if asked_before else None, now=NOW, lag=lag)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(Outcome.DONE, counts=(ERASED,)), Outcome.DONE),  # rows went
        (Answer(Outcome.DONE, counts=(NONE_ERASED,)), Outcome.NOTHING_FOUND),  # counted, and counted nothing
        (Answer(Outcome.DONE, Grade.CONFIRMED_BY_API, evidence=(SEEN,)), Outcome.DONE),  # no numbers, but confirmed
        (Answer(Outcome.DONE, Grade.ATTESTED, evidence=(SEEN,)), Outcome.NEEDS_PERSON),  # only somebody's word
        (Answer(Outcome.DONE, Grade.CONFIRMED_BY_API), Outcome.NEEDS_PERSON),  # confirmed by what?
        (Answer(Outcome.DONE), Outcome.NEEDS_PERSON),
        # reading or keeping is no effect
        (Answer(Outcome.DONE, counts=(Count(collection="o", method=Method.FOUND, rows=9),)), Outcome.NOTHING_FOUND),
        (Answer(Outcome.NOTHING_FOUND), Outcome.NOTHING_FOUND),
        (Answer(Outcome.NOTHING_FOUND, counts=(ERASED,)), Outcome.NEEDS_PERSON),
        (Answer(Outcome.RETAINED, counts=(ERASED,), retained=(KEPT,)), Outcome.RETAINED),
        (Answer(Outcome.RETAINED, counts=(ERASED,)), Outcome.NEEDS_PERSON),  # kept by which law?
        (Answer(Outcome.RESIDUAL), Outcome.FAILED),  # only a look can say this
        (Answer(Outcome.FAILED), Outcome.FAILED),
        (Answer.transient("busy"), Outcome.FAILED),
        (Answer(Outcome.NEEDS_PERSON), Outcome.NEEDS_PERSON),
    ],
)
def test_done_is_only_told_of_an_effect(answer: Answer, outcome: Outcome) -> None:
    assert told(answer).outcome is outcome


def test_a_failure_always_has_a_reason() -> None:
    assert told(Answer(Outcome.FAILED)).failure is not None
    assert told(Answer(Outcome.DONE)).failure is not None


def test_absence_after_a_lost_answer_is_told_as_done_with_the_weakest_grade() -> None:
    answer = told(Answer(Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT, evidence=(SEEN,)), asked_before=True)
    assert answer.outcome is Outcome.DONE
    assert answer.grade is Grade.ATTESTED
    assert [e.kind for e in answer.evidence] == ["http_response", "absent_after_ask"]
    assert answer == told(Answer(Outcome.NOTHING_FOUND, evidence=(SEEN,)), asked_before=True)


def test_an_effect_seen_now_needs_no_trace_of_an_earlier_ask() -> None:
    answer = Answer(Outcome.DONE, counts=(ERASED,))
    assert told(answer, asked_before=True) == answer


def test_a_vendor_that_accepts_is_looked_at_again() -> None:
    accepted = Answer(Outcome.ACCEPTED)
    assert told(accepted).expected_by == NOW + LOOK_AGAIN_AFTER
    assert told(accepted, lag=timedelta(days=30)).expected_by == NOW + timedelta(days=30)
    said = Answer(Outcome.ACCEPTED, expected_by=NOW + timedelta(hours=1))
    assert told(said, lag=timedelta(days=30)) == said


def test_a_failure_that_may_have_had_an_effect_is_not_taken_for_one_without() -> None:
    assert had_no_effect(Answer.transient("lock_timeout"))
    assert not had_no_effect(Answer.transient("call_timeout"))
    assert not had_no_effect(Answer(Outcome.NOTHING_FOUND))


def test_two_requests_of_one_person_are_not_erased_in_one_go() -> None:
    items = [
        item(1, email="ada@people.example"),
        item(2, email="bob@people.example"),
        item(3, email="ada@people.example", customer_id="7"),
        item(4, customer_id="7"),
        item(5, email="cleo@people.example"),
    ]
    assert waves(items) == [[0, 1, 4], [2], [3]]


def test_the_same_value_of_another_kind_is_another_person() -> None:
    assert waves([item(1, email="7"), item(2, customer_id="7")]) == [[0, 1]]
    assert waves([]) == []
