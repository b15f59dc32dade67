"""Workers, processors and participants on the simulated ground.

Mirrors `lethe_processors/runner/{queue,runner,runners}.py` with its `sql/queries.sql`, and `lethe_participant`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import lethe_events as wire
from lethe_events.ids import message_id
from lethe_events.words import FailureKind, Grade, Outcome, Verb
from lethe_processors.connector import Answer
from lethe_processors.runner.answers import is_final
from lethe_testkit.sagas import PART
from lethe_testkit.simulation.bus import Rec
from lethe_testkit.simulation.consuming import POISON, Consumer
from lethe_testkit.simulation.core import CONTROLLER
from lethe_testkit.simulation.messaging import TRANSIENT, Work
from lethe_testkit.simulation.sagas import Ask, explode
from lethe_testkit.simulation.world import CHECK, MS, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from lethe_testkit.simulation.bus import Bus
    from lethe_testkit.simulation.consuming import Delivered
    from lethe_testkit.simulation.store import Store
    from lethe_testkit.simulation.world import Activity, Process, Steps, World

_CLAIM = 2 * SECOND
_MAX_TRIES = 3
_DONE = Answer(Outcome.DONE, Grade.CONFIRMED_BY_API)
_EXPORTED = Answer(Outcome.DONE, Grade.ATTESTED, part=PART)
_NOTHING = Answer(Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)
_ABSENT = Answer(Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)
_RESIDUAL = Answer(Outcome.RESIDUAL, Grade.REREAD_ABSENT)


class Did(NamedTuple):
    saga_id: UUID
    processor_id: str
    task_id: UUID
    at: datetime


class Outside:
    """All processors: what they hold and do. A call under a key they know has no second effect, as a vendor's would."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.effects: list[Did] = []
        self.counted: set[str] = set()
        self._keys: set[object] = set()
        self._gone: dict[tuple[str, UUID], UUID] = {}

    def call(self, ask: Ask, key: object) -> Any:
        """Steps that give an answer. It may lie, fail with or without effect, promise, or take too long."""
        world = self.world
        self.counted.add(ask.processor_id)
        yield world.short()
        if world.happens(world.faults.processors, "odd processor"):
            odd = yield from self._oddly(ask, key)
            if odd is not None:
                return odd
        return self._well(ask, key)

    def _well(self, ask: Ask, key: object) -> Answer:
        if ask.verb is Verb.ERASE:
            return _DONE if self._erase(ask, key) else _NOTHING
        if ask.verb is Verb.VERIFY:
            return _ABSENT if (ask.processor_id, ask.saga_id) in self._gone else _RESIDUAL
        return _EXPORTED

    def _erase(self, ask: Ask, key: object) -> bool:
        """Whether there was anything to erase for this task; what another task erased is gone already."""
        if self._gone.setdefault((ask.processor_id, ask.saga_id), ask.task_id) != ask.task_id:
            return False
        if key not in self._keys:
            self._keys.add(key)
            self.world.tell(f"{ask.processor_id} does {ask.task_id}")
            self.effects.append(Did(ask.saga_id, ask.processor_id, ask.task_id, self.world.at))
        return True

    def _oddly(self, ask: Ask, key: object) -> Any:  # noqa: PLR0911 - one per oddity
        world = self.world
        how = world.rng.randrange(7)
        if how == 0:
            return Answer.transient("busy")
        if how == 1:
            self._well(ask, key)
            return Answer.transient("answer_lost")
        if how == 2 and ask.verb is Verb.ERASE:
            return _DONE
        if how == 3:
            return Answer.permanent("not_found_here")
        if how == 4:
            return Answer(Outcome.NEEDS_PERSON, failure=wire.Failure(kind=FailureKind.PERMANENT, code="unsure"))
        if how == 5 and ask.verb is Verb.ERASE:
            self._erase(ask, key)
            later = world.instant(world.now + world.rng.randrange(50, 400) * MS)
            return Answer(Outcome.ACCEPTED, Grade.ATTESTED, expected_by=later)
        yield world.rng.randrange(100, 3000) * MS
        return None


class Job(NamedTuple):
    ask: Ask
    attempt: int
    state: str = "waiting"
    owner: int = 0
    lease_until: int = 0
    tries: int = 0
    final: bool = False
    answer: Answer | None = None
    settled_at: datetime | None = None
    next_at: int = 0


class Worker(Consumer):
    """Erasure and export worker in one: it accepts tasks as rows, and its runner works them one after the other."""

    def __init__(self, process: Process, store: Store, bus: Bus, outside: Outside) -> None:
        super().__init__(process, store, bus, {"tasks": self._accept})
        self.outside = outside
        self.in_hand: set[object] = set()
        self._runner: Activity = process.spawn(self._work_for_ever())

    # -- queue.py

    def _accept(self, work: Work, messages: Sequence[Delivered]) -> Steps:
        explode(messages)
        for message in messages:
            ask: Ask = message.rec.body
            key: object = ask.task_id
            if self.world.mutant == "every_delivery_is_a_job":
                key = (ask.task_id, message.offset)
            yield from work.tx.lock("job", key)
            job: Job | None = work.tx.get("job", key)
            if job is None:
                work.tx.insert("job", key, Job(ask, ask.attempt))
            elif job.attempt < ask.attempt and not job.final:
                again = job.state == "settled"
                work.tx.put(
                    "job",
                    key,
                    job._replace(
                        ask=ask,
                        attempt=ask.attempt,
                        state="waiting" if again else job.state,
                        tries=0 if again else job.tries,
                        next_at=self.world.now if again else job.next_at,
                        answer=None,
                        settled_at=None,
                    ),
                )
            elif job.answer is not None and job.settled_at is not None:
                work.records.append(ack_record(ask, job.answer, job.settled_at))
        yield self.world.short()
        self.world.wake(self._runner)

    # -- runner.py, runners.py

    def _work_for_ever(self) -> Steps:
        jobs = self.store.rows("job")
        while True:
            self._take_over(jobs)
            now = self.world.now
            due = [key for key, job in jobs.items() if job.state == "waiting" and job.next_at <= now]
            if not due:
                soonest = min((j.next_at for j in jobs.values() if j.state == "waiting"), default=now + SECOND // 2)
                busy = any(j.state == "running" for j in jobs.values())
                yield -max(5 * MS, min(soonest - now, 250 * MS if busy else SECOND))
                continue
            key = due[0]
            job = yield from self._claim_job(key)
            if job is not None:
                yield from self._do(key, job)
                self.in_hand.discard(key)

    def _take_over(self, jobs: dict[object, Job]) -> None:
        """Claims of the dead, those whose lease has ended, and own ones whose commit was lost with its answer."""
        mutant = self.world.mutant
        for key, job in jobs.items():
            if job.state != "running" or ("job", key) in self.store.locks:
                continue
            if job.owner == self.me:
                lost = key not in self.in_hand
            else:
                lost = job.owner not in self.world.living or job.lease_until < self.world.now
                lost = (lost and mutant != "claims_of_the_dead_stay") or mutant == "claims_of_the_living_are_taken"
            if lost:
                living = job.owner in self.world.living and job.lease_until >= self.world.now
                taken = living and job.owner != self.me
                number = self.store.next_id()
                self.store.rows("claim")[number] = (f"job {key}", number, self.me, taken)
                jobs[key] = job._replace(state="waiting", owner=0, lease_until=0, next_at=self.world.now)

    def _claim_job(self, key: object) -> Any:
        tx = self.store.begin(self.process)
        try:
            if not tx.try_lock("job", key):
                tx.abort()
                yield self.world.short()
                return None
            job: Job = tx.get("job", key)
            if job.state != "waiting" or job.next_at > self.world.now:
                tx.abort()
                return None
            lease = self.world.now + _CLAIM
            claimed = job._replace(state="running", owner=self.me, lease_until=lease, tries=job.tries + 1)
            tx.put("job", key, claimed)
            tx.commit()
        except TRANSIENT:
            yield 20 * MS
            return None
        self.in_hand.add(key)
        return claimed

    def _do(self, key: object, job: Job) -> Steps:
        called = key
        if self.world.mutant == "key_per_attempt":
            called = (key, job.attempt, job.tries)
        answer: Answer = yield from self.outside.call(job.ask, called)
        yield CHECK
        retry = _is_transient(answer) and job.tries < _MAX_TRIES
        end = self.world.now + _CLAIM
        while self.world.now < end:
            try:
                yield from self.transact(lambda work: self._settle(work, key, job, answer, retry), [])
            except TRANSIENT:
                yield 50 * MS
            else:
                return

    def _settle(self, work: Work, key: object, claimed: Job, answer: Answer, retry: bool) -> Steps:
        yield from work.tx.lock("job", key)
        job: Job = work.tx.get("job", key)
        mine = (job.state, job.owner, job.tries) == ("running", self.me, claimed.tries)
        if not mine and self.world.mutant != "settled_without_fence":
            return
        if retry:
            later = self.world.now + 60 * MS
            work.tx.put("job", key, job._replace(state="waiting", owner=0, lease_until=0, next_at=later))
            return
        at = self.world.at
        final = is_final(job.ask.verb, answer)
        settled = job._replace(state="settled", owner=0, lease_until=0, final=final, answer=answer, settled_at=at)
        work.tx.put("job", key, settled)
        rec = ack_record(job.ask._replace(attempt=job.attempt), answer, at)
        work.records.append(rec)
        told = (job.ask.saga_id, job.ask.task_id, job.attempt, answer.outcome is Outcome.ACCEPTED, str(at))
        work.tx.put("told", self.store.next_id(), told)
        yield self.world.short()


def _is_transient(answer: Answer) -> bool:
    return answer.failure is not None and answer.failure.kind is FailureKind.TRANSIENT


def ack_record(ask: Ask, answer: Answer, at: datetime) -> Rec:
    promise = answer.outcome is Outcome.ACCEPTED
    body = wire.TaskAcknowledged(
        task_id=ask.task_id,
        dsr_id=ask.saga_id,
        controller_id=CONTROLLER,
        processor_id=ask.processor_id,
        verb=ask.verb,
        attempt=ask.attempt,
        outcome=answer.outcome,
        grade=answer.grade,
        at=at,
        expected_by=answer.expected_by,
        failure=answer.failure,
        part=answer.part,
    )
    return Rec("acks", ask.saga_id, message_id(ask.task_id, ask.attempt, 1 + promise), body, at)


class Native:
    """A Kafka-native processor: acts, publishes its answer, and only then commits the offset of its group."""

    def __init__(self, process: Process, bus: Bus, outside: Outside, topic: str, group: dict[int, int]) -> None:
        self.process = process
        self.world = process.world
        self.bus = bus
        self.outside = outside
        self.topic = topic
        self.group = group
        for partition in range(bus.partitions):
            activity = process.spawn(self._serve(partition))
            bus.listen(topic, partition, _waker(self.world, activity))

    def _serve(self, partition: int) -> Steps:
        log = self.bus.logs[self.topic, partition]
        while True:
            at = self.group.get(partition, 0)
            if at >= len(log):
                yield -SECOND
                continue
            ask = log[at].rec.body
            if ask is not POISON and isinstance(ask, Ask):
                answer: Answer = yield from self.outside.call(ask, ask.task_id)
                failed = [0]
                while failed:
                    failed = []
                    yield from self.bus.publish([ack_record(ask, answer, self.world.at)], failed)
            yield CHECK
            self.group[partition] = at + 1


def _waker(world: World, activity: Activity) -> Callable[[], None]:
    return lambda: world.wake(activity)
