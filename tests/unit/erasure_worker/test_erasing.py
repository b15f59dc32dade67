"""Asking a processor to erase: what is on record before, and what may be told after."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from erasure_worker.application.erasing import Erasing
from erasure_worker.application.turns import ALONE_FOR, Turns
from lethe_events.models import Count
from lethe_events.words import Grade, Method, Outcome, Verb
from lethe_processors.connector import Answer
from lethe_testkit import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from lethe_processors.connector import ExportSink, WorkItem

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
ERASED = Answer(Outcome.DONE, counts=(Count(collection="orders", method=Method.ERASED, rows=2),))
ABSENT = Answer(Outcome.NOTHING_FOUND)


class Ledger:
    """Remembers in memory; `log` shared with the connector tells the order of things."""

    def __init__(self, log: list[str]) -> None:
        self.open: dict[UUID, datetime] = {}
        self._log = log

    async def intend(self, items: Sequence[WorkItem]) -> dict[UUID, datetime]:
        self._log.append(f"intend {[i.task.dsr_id.int for i in items]}")
        before = {i.task.task_id: self.open[i.task.task_id] for i in items if i.task.task_id in self.open}
        for item in items:
            self.open.setdefault(item.task.task_id, EARLIER)
        return before

    async def take_back(self, task_ids: Sequence[UUID]) -> None:
        for task in task_ids:
            del self.open[task]


class Processing:
    """A processor that holds the data of some people."""

    def __init__(self, log: list[str], answer: Callable[[WorkItem], Answer]) -> None:
        self._log = log
        self._answer = answer

    async def erase(self, items: Sequence[WorkItem]) -> list[Answer]:
        self._log.append(f"erase {[i.task.dsr_id.int for i in items]}")
        return [self._answer(item) for item in items]

    async def verify(self, items: Sequence[WorkItem]) -> list[Answer]:
        raise NotImplementedError

    async def export(self, items: Sequence[WorkItem], sink: ExportSink) -> list[Answer]:
        raise NotImplementedError

    async def close(self) -> None: ...


def item(number: int, email: str | None = None) -> WorkItem:
    return tasks.item("shop", Verb.ERASE, number, **({"email": email} if email else {}))


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def ledger(log: list[str]) -> Ledger:
    return Ledger(log)


async def erased(ledger: Ledger, items: Sequence[WorkItem], answer: Callable[[WorkItem], Answer]) -> list[Answer]:
    erasing = Erasing(ledger, Turns(lambda: 0.0), clock=lambda: NOW)
    shop = tasks.processor("shop", capabilities={"deletion_lag": "P30D"})
    return await erasing(shop, Processing(ledger._log, answer), items)


async def test_the_ask_is_on_record_before_it_is_made(ledger: Ledger, log: list[str]) -> None:
    assert await erased(ledger, [item(1), item(2)], lambda _: ERASED) == [ERASED, ERASED]
    assert log == ["intend [1, 2]", "erase [1, 2]"]


async def test_two_requests_of_one_person_are_asked_one_after_the_other(ledger: Ledger, log: list[str]) -> None:
    held = {"ada@people.example", "bob@people.example"}

    def answer(one: WorkItem) -> Answer:
        (email,) = one.identifiers["email"]
        if email not in held:
            return ABSENT
        held.remove(email)
        return ERASED

    items = [item(1, "ada@people.example"), item(2, "ada@people.example"), item(3, "bob@people.example")]
    assert await erased(ledger, items, answer) == [ERASED, ABSENT, ERASED]
    assert log == ["intend [1, 3]", "erase [1, 3]", "intend [2]", "erase [2]"]


async def test_a_crash_between_effect_and_answer_is_not_told_as_nothing_found(ledger: Ledger) -> None:
    def dies(_: WorkItem) -> Answer:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await erased(ledger, [item(1)], dies)
    answer, other = await erased(ledger, [item(1), item(2)], lambda _: ABSENT)
    assert (answer.outcome, answer.grade) == (Outcome.DONE, Grade.ATTESTED)
    assert [e.kind for e in answer.evidence] == ["absent_after_ask"]
    assert other == ABSENT, "who was never asked before is truly not there"


async def test_an_ask_that_surely_changed_nothing_leaves_no_trace(ledger: Ledger) -> None:
    assert await erased(ledger, [item(1)], lambda _: Answer.transient("lock_timeout")) == [
        Answer.transient("lock_timeout")
    ]
    assert await erased(ledger, [item(1)], lambda _: ABSENT) == [ABSENT]


async def test_an_earlier_ask_with_an_unknown_end_is_remembered_over_a_harmless_one(ledger: Ledger) -> None:
    await erased(ledger, [item(1)], lambda _: Answer.transient("timed_out"))
    await erased(ledger, [item(1)], lambda _: Answer.transient("lock_timeout"))
    assert (await erased(ledger, [item(1)], lambda _: ABSENT))[0].outcome is Outcome.DONE


async def test_a_vendor_that_accepts_is_looked_at_when_the_register_says(ledger: Ledger) -> None:
    answer = (await erased(ledger, [item(1)], lambda _: Answer(Outcome.ACCEPTED)))[0]
    assert answer.expected_by == NOW + timedelta(days=30)


async def test_a_collision_with_another_batch_is_asked_again_at_once_and_only_for_those_who_collided(
    ledger: Ledger, log: list[str]
) -> None:
    said = {1: [ERASED], 2: [Answer.transient("deadlock"), Answer.transient("deadlock"), ERASED]}
    answers = await erased(ledger, [item(1), item(2)], lambda one: said[one.task.dsr_id.int].pop(0))
    assert answers == [ERASED, ERASED]
    assert log == ["intend [1, 2]", "erase [1, 2]", "erase [2]", "erase [2]"]


async def test_a_collision_that_stays_waits_like_any_other_failure(ledger: Ledger, log: list[str]) -> None:
    answers = await erased(ledger, [item(1)], lambda _: Answer.transient("deadlock"))
    assert answers == [Answer.transient("deadlock")]
    assert len(log) == 5
    assert await erased(ledger, [item(1)], lambda _: ABSENT) == [ABSENT], "and changed nothing"


async def test_batches_go_side_by_side_until_they_collide_and_again_after_a_while() -> None:
    now = [0.0]
    turns = Turns(lambda: now[0])
    inside: list[str] = []
    most: list[int] = []

    async def batch(processor_id: str) -> None:
        async with turns.turn(processor_id):
            inside.append(processor_id)
            await asyncio.sleep(0)
            most.append(inside.count(processor_id))
            inside.remove(processor_id)

    async def together() -> int:
        most.clear()
        await asyncio.gather(*(batch("shop") for _ in range(3)))
        return max(most)

    assert await together() == 3
    turns.collided("shop")
    assert await together() == 1
    await asyncio.gather(*(batch("crm") for _ in range(3)))
    assert max(most) == 3, "another processor has its own turns"
    now[0] = ALONE_FOR
    assert await together() == 3


class Changing(Processing):
    """A processor that can do more than erase."""

    async def change(self, verb: Verb, items: Sequence[WorkItem]) -> list[Answer]:
        self._log.append(f"{verb.value} {[i.task.dsr_id.int for i in items]}")
        return [self._answer(item) for item in items]


@pytest.mark.parametrize("verb", [Verb.RECTIFY, Verb.RESTRICT, Verb.LIFT, Verb.SUPPRESS])
async def test_the_other_rights_are_asked_for_as_erasure_is(log: list[str], ledger: Ledger, verb: Verb) -> None:
    counts = (Count(collection="orders", method=Method.RESTRICTED, rows=2),)
    connector = Changing(log, lambda _: Answer(Outcome.DONE, counts=counts))
    erasing = Erasing(ledger, Turns(lambda: 0.0), clock=lambda: NOW)
    [answer] = await erasing(tasks.processor(), connector, [tasks.item("shop", verb, 1)])
    assert log == ["intend [1]", f"{verb.value} [1]"]
    assert answer.counts == counts


async def test_what_a_connector_cannot_do_goes_to_a_person(log: list[str], ledger: Ledger) -> None:
    erasing = Erasing(ledger, Turns(lambda: 0.0), clock=lambda: NOW)
    connector = Processing(log, lambda _: ERASED)
    [answer] = await erasing(tasks.processor(), connector, [tasks.item("shop", Verb.RESTRICT, 1)])
    assert answer.failure is not None
    assert (answer.outcome, answer.failure.code) == (Outcome.NEEDS_PERSON, "verb_not_supported")
    assert log == ["intend [1]"]
