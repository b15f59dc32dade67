"""The pure parts of the runner: back-off, rate, circuit breaker, and which answers are final."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_events.models import Count, Failure
from lethe_events.words import FailureKind, Grade, Method, Outcome, Verb
from lethe_processors.bucket import TokenBucket
from lethe_processors.connector import Answer
from lethe_processors.runner import BreakerPolicy, BreakerState, Limits
from lethe_processors.runner.answers import from_json, is_final, to_json
from lethe_processors.runner.breaker import Breaker


def test_back_off_doubles_and_is_jittered_in_its_upper_half() -> None:
    limits = Limits(first_backoff=2, factor=2, max_backoff=300)
    assert [limits.backoff(n, 0.0) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert [limits.backoff(n, 0.5) for n in (1, 2)] == [1.5, 3]
    assert limits.backoff(500, 0.999) <= 300


def test_a_processor_that_asks_to_wait_is_not_called_earlier() -> None:
    limits = Limits(first_backoff=2, max_backoff=300)
    assert limits.backoff(1, 0.0, retry_after=17) == 17
    assert limits.backoff(1, 0.0, retry_after=86_400) == 300, "nor does it park a task for a day"


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"batch": 0},
        {"max_tries": 0},
        {"per_second": 0.0},
        {"call_timeout": 0.0},
        {"factor": 0.5},
        {"burst": 0},
    ],
)
def test_limits_that_would_stop_a_processor_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|positive"):
        Limits(**wrong)  # type: ignore[arg-type]


def test_a_rate_without_limit_lets_everything_through() -> None:
    assert TokenBucket(None, 0.0).take(50, 0.0) == (50, 0.0)


@given(
    rate=st.floats(0.1, 1000),
    burst=st.none() | st.integers(1, 200),
    steps=st.lists(st.tuples(st.integers(1, 100), st.floats(0, 2)), min_size=1, max_size=60),
)
def test_no_more_than_the_rate_and_the_burst_passes(
    rate: float, burst: int | None, steps: list[tuple[int, float]]
) -> None:
    bucket, now, passed = TokenBucket(rate, 0.0, burst), 0.0, 0
    for wanted, pause in steps:
        now += pause
        passed += bucket.take(wanted, now)[0]
    assert passed <= rate * now + (burst or max(1.0, rate)) + 1e-6


@given(rate=st.floats(0.1, 1000), burst=st.none() | st.integers(1, 200), wanted=st.integers(1, 100))
def test_whoever_waits_as_long_as_told_is_let_through(rate: float, burst: int | None, wanted: int) -> None:
    bucket, now = TokenBucket(rate, 0.0, burst), 0.0
    for _ in range(20):
        taken, wait = bucket.take(wanted, now)
        if not taken:
            assert bucket.take(wanted, now + wait + 1e-6)[0] >= 1
        now += wait + 1e-6


def test_tokens_without_a_task_are_given_back() -> None:
    bucket = TokenBucket(10, 0.0)
    assert bucket.take(10, 0.0)[0] == 10
    bucket.give_back(10)
    assert bucket.take(10, 0.0)[0] == 10


def test_the_breaker_tells_once_that_a_processor_is_back_but_not_of_one_that_named_its_time() -> None:
    breaker = Breaker(BreakerPolicy(threshold=2, first=1, longest=4))
    assert not breaker.succeeded()
    for told in (False, True):
        breaker.failed(0.0)
        breaker.failed(0.0)
        if told:
            breaker.asked_to_wait(1.0, 0.0)
        assert breaker.permit(50, 0, 10.0) == (1, 0.0)
        assert breaker.succeeded() is not told
        assert not breaker.succeeded()


def test_the_breaker_opens_after_failures_in_a_row_and_probes_with_one_task() -> None:
    breaker = Breaker(BreakerPolicy(threshold=3, first=1, longest=4))
    for _ in range(2):
        breaker.failed(0.0)
    breaker.succeeded()
    for _ in range(2):
        breaker.failed(0.0)
    assert breaker.permit(50, 0, 0.0) == (50, 0.0), "not in a row"
    breaker.failed(0.0)
    assert breaker.state is BreakerState.OPEN
    assert breaker.permit(50, 0, 0.5) == (0, 0.5)
    assert breaker.permit(50, 0, 1.0) == (1, 0.0)
    assert breaker.permit(50, 1, 1.0) == (0, None), "one probe at a time"
    breaker.succeeded()
    assert breaker.permit(50, 1, 1.0) == (50, 0.0)


def test_each_failed_probe_doubles_the_pause_up_to_its_bound() -> None:
    breaker, now, pauses = Breaker(BreakerPolicy(threshold=1, first=1, longest=4)), 0.0, []
    for _ in range(5):
        breaker.failed(now)
        _, wait = breaker.permit(1, 0, now)
        assert wait is not None
        pauses.append(wait)
        now += wait
        assert breaker.permit(1, 0, now) == (1, 0.0)
    assert pauses == [1, 2, 4, 4, 4]


def test_a_processor_that_named_a_time_is_not_called_before_it() -> None:
    breaker = Breaker(BreakerPolicy(threshold=10, first=1))
    breaker.asked_to_wait(30, 0.0)
    breaker.asked_to_wait(5, 1.0)
    assert breaker.permit(50, 0, 1.0) == (0, 29.0)
    assert breaker.permit(50, 0, 30.0) == (1, 0.0)
    breaker.succeeded()
    assert breaker.permit(50, 0, 30.0) == (50, 0.0)


def test_late_failures_of_calls_in_flight_do_not_prolong_the_pause() -> None:
    breaker = Breaker(BreakerPolicy(threshold=1, first=1))
    breaker.failed(0.0)
    breaker.failed(0.9)
    assert breaker.permit(1, 0, 1.0) == (1, 0.0)


@pytest.mark.parametrize(
    ("verb", "outcome", "final"),
    [
        (Verb.ERASE, Outcome.DONE, True),
        (Verb.ERASE, Outcome.NOTHING_FOUND, True),
        (Verb.ERASE, Outcome.RETAINED, True),
        (Verb.ERASE, Outcome.ACCEPTED, True),  # the vendor has it: do not submit again
        (Verb.VERIFY, Outcome.ACCEPTED, False),  # look again
        (Verb.VERIFY, Outcome.RESIDUAL, False),
        (Verb.ERASE, Outcome.FAILED, False),
        (Verb.ERASE, Outcome.NEEDS_PERSON, False),
    ],
)
def test_what_was_done_stays_done_and_what_was_not_may_run_again(verb: Verb, outcome: Outcome, final: bool) -> None:
    assert is_final(verb, Answer(outcome)) is final


def test_a_stored_answer_is_the_answer() -> None:
    answer = Answer(
        Outcome.RETAINED,
        grade=Grade.REREAD_ABSENT,
        counts=(Count(collection="orders", method=Method.ERASED, rows=3),),
        failure=Failure(kind=FailureKind.PERMANENT, code="x"),
        expected_by=datetime(2026, 3, 1, tzinfo=UTC),
    )
    assert from_json(to_json(answer)) == answer
