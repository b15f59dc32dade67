"""The service's own functions: none of them can stop the others, and none is believed blindly."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from lethe_events.models import Failure
from lethe_events.words import FailureKind, Grade, Method, Outcome, Verb
from lethe_participant import Misuse, Result, Retained, Task
from lethe_testkit.participating import NOW, Bus, incoming, taking_part, task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KEPT = Retained(collection="invoices", category="user.financial", rows=2, ground="tax", article="AO § 147")


async def test_many_tasks_are_given_to_a_batch_handler_at_once() -> None:
    bus = Bus([incoming(task(f"p{n}")) for n in range(50)])
    participant, sizes = taking_part(bus), []

    @participant.erase_batch
    async def erase(tasks: Sequence[Task]) -> list[Result]:
        sizes.append(len(tasks))
        return [Result.erased({"parcels": n}) for n, _ in enumerate(tasks)]

    await participant.run()
    assert sizes == [50]
    assert [sum(c.rows for c in ack.counts) for ack in bus.acks] == list(range(50)), "each its own answer"


@pytest.mark.parametrize("many", [True, False])
async def test_one_person_who_breaks_a_handler_spoils_nobody_else(many: bool, caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus([incoming(task(f"p{n}")) for n in range(10)])
    participant, bad = taking_part(bus), task("p4").task_id

    async def one(asked: Task) -> Result:
        if asked.task_id == bad:
            raise TimeoutError("nadia.petrova@mail.example is locked")
        return Result.erased({"parcels": 1})

    async def batch(tasks: Sequence[Task]) -> list[Result]:
        return [await one(asked) for asked in tasks]

    if many:
        participant.erase_batch(batch)
    else:
        participant.erase(one)
    await participant.run()
    failed = [ack for ack in bus.acks if ack.outcome is not Outcome.DONE]
    assert [ack.task_id for ack in failed] == [bad]
    assert failed[0].failure == Failure(kind=FailureKind.TRANSIENT, code="handler_error")
    assert "nadia" not in caplog.text


async def test_a_handler_that_hangs_is_answered_for_and_does_not_stop_the_loop() -> None:
    bus = Bus([incoming(task("a")), incoming(task("b", verb=Verb.VERIFY))])
    participant = taking_part(bus, handler_timeout=0.01)

    @participant.erase
    async def erase(_: Task) -> Result:
        await asyncio.Event().wait()
        raise AssertionError

    @participant.verify_batch
    async def verify(tasks: Sequence[Task]) -> list[Result]:
        await asyncio.Event().wait()
        return []

    await participant.run()
    assert {a.failure.code for a in bus.acks if a.failure} == {"handler_timeout"}
    assert len(bus.acks) == 2


@pytest.mark.parametrize("returned", [None, [], ["done"], [Result.erased({})] * 2])
async def test_a_handler_that_returns_something_else_is_not_believed(returned: Any) -> None:
    bus = Bus([incoming(task())])
    participant = taking_part(bus)

    @participant.erase_batch
    async def erase(_: Sequence[Task]) -> list[Result]:
        return returned  # type: ignore[no-any-return]

    await participant.run()
    assert bus.acks[0].failure == Failure(kind=FailureKind.TRANSIENT, code="handler_error")


async def test_a_plain_function_runs_in_a_thread() -> None:
    bus = Bus([incoming(task())])
    participant, threads = taking_part(bus), []

    @participant.erase
    def erase(_: Task) -> Result:
        threads.append(threading.current_thread())
        return Result.erased({"parcels": 1})

    await participant.run()
    assert threads[0] is not threading.main_thread()
    assert bus.acks[0].outcome is Outcome.DONE


async def test_a_verb_without_handler_is_told_to_a_person() -> None:
    bus = Bus([incoming(task(verb=Verb.VERIFY))])
    await taking_part(bus).run()
    assert bus.acks[0].failure == Failure(kind=FailureKind.PERMANENT, code="verb_not_handled")


def test_two_handlers_of_one_verb_are_refused() -> None:
    participant = taking_part(Bus())

    async def erase(_: Task) -> Result:
        return Result.erased({})

    participant.erase(erase)
    with pytest.raises(Misuse, match="two handlers"):
        participant.erase(erase)


@pytest.mark.parametrize(
    ("result", "outcome", "grade"),
    [
        (Result.erased({"a": 1}), Outcome.DONE, Grade.ATTESTED),
        (Result.erased({"a": 0}), Outcome.NOTHING_FOUND, Grade.ATTESTED),
        (Result.erased({"a": 1}, retained=[KEPT]), Outcome.RETAINED, Grade.ATTESTED),
        (Result.found({}), Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT),
        (Result.found({"a": 1}), Outcome.RESIDUAL, Grade.ATTESTED),
        (Result.found({"a": 1}, retained=[KEPT]), Outcome.RESIDUAL, Grade.ATTESTED),
        (Result.found({}, retained=[KEPT]), Outcome.RETAINED, Grade.REREAD_ABSENT),
        (Result.accepted(NOW), Outcome.ACCEPTED, Grade.ATTESTED),
    ],
)
def test_the_numbers_decide_the_outcome(result: Result, outcome: Outcome, grade: Grade) -> None:
    assert (result.outcome, result.grade) == (outcome, grade)


@pytest.mark.parametrize(
    ("verb", "method", "answer"),
    [
        (Verb.RECTIFY, Method.RECTIFIED, Result.rectified),
        (Verb.RESTRICT, Method.RESTRICTED, Result.restricted),
        (Verb.LIFT, Method.LIFTED, Result.lifted),
        (Verb.SUPPRESS, Method.SUPPRESSED, Result.suppressed),
    ],
)
@pytest.mark.parametrize("many", [True, False])
async def test_each_of_the_other_rights_has_its_handler_and_its_words(
    verb: Verb, method: Method, answer: Callable[[Mapping[str, int]], Result], many: bool
) -> None:
    bus = Bus([incoming(replace(task(verb=verb), purposes=("marketing",)))])
    participant = taking_part(bus)
    seen: list[Task] = []

    async def one(asked: Task) -> Result:
        seen.append(asked)
        return answer({"parcels": 2, "addresses": 0})

    async def all_(asked: Sequence[Task]) -> list[Result]:
        return [await one(each) for each in asked]

    if many:
        getattr(participant, f"{verb.value}_batch")(all_)
    else:
        getattr(participant, verb.value)(one)
    await participant.run()
    [ack] = bus.acks
    assert (ack.verb, ack.outcome) == (verb, Outcome.DONE)
    assert [(c.collection, c.method, c.rows) for c in ack.counts] == [("parcels", method, 2)]
    assert seen[0].purposes == ("marketing",)
    assert answer({}).outcome is Outcome.NOTHING_FOUND
