"""Works the queue of one processor: its own concurrency, batches, rate, tries and circuit breaker."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from random import SystemRandom
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from lethe_postgres import crashpoint
from lethe_postgres import is_transient as database_is_transient
from lethe_processors.bucket import TokenBucket
from lethe_processors.connector import Answer
from lethe_processors.failures import when_tries_are_used_up
from lethe_processors.runner.answers import Settled, is_transient
from lethe_processors.runner.breaker import Breaker, BreakerPolicy, BreakerState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from lethe_events.models import TaskRequested
    from lethe_events.words import Verb
    from lethe_postgres import Tx
    from lethe_processors.runner.limits import Limits
    from lethe_processors.runner.metrics import RunnerMetrics
    from lethe_processors.runner.queue import Job, JobQueue

_log = logging.getLogger(__name__)
_NUDGES = (0.005, 0.01, 0.02, 0.04, 0.08)
"""Seconds between looks after a wake-up that found nothing: the transaction that brings the work may not have
committed yet. After the last one the runner sleeps until it is woken."""
_AFTER_TROUBLE = 0.5
"""Seconds before the database is asked for work again."""
_GIVE_UP_SETTLING = 0.8
"""Part of the lease after which a result that cannot be written is left to whoever takes the claim over."""


class Work(Protocol):
    """Does one verb for some tasks of one processor, without an open transaction: one answer per task, same order."""

    def __call__(
        self, processor_id: str, verb: Verb, tasks: Sequence[TaskRequested], /
    ) -> Awaitable[Sequence[Answer]]: ...


class Settle(Protocol):
    """Given by the service: opens a transaction, calls `write` with it, sends an ack for each task it returns, commits.

    `write` may be called again in a new transaction if the first one failed.
    """

    def __call__(self, write: Callable[[Tx], Awaitable[Sequence[Settled]]], /) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Crew:
    """What all runners of one process share."""

    queue: JobQueue
    work: Work
    settle: Settle
    metrics: RunnerMetrics
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    clock: Callable[[], float] = monotonic
    chance: Callable[[], float] = field(default_factory=lambda: SystemRandom().random)


class Runner:
    """One per processor and process. Nothing that its processor does delays another runner."""

    def __init__(self, processor_id: str, limits: Limits, crew: Crew) -> None:
        self.processor_id = processor_id
        self.limits = limits
        """May be replaced while running; the rate and the breaker keep their state otherwise."""
        self._crew = crew
        self._rate = (limits.per_second, limits.burst)
        self._bucket = TokenBucket(limits.per_second, crew.clock(), limits.burst)
        self._breaker = Breaker(crew.breaker)
        self._in_flight = 0
        self._in_hand: set[UUID] = set()
        self._lost = False
        """A claim or a result may be stored of which we know nothing: the connection broke on its way."""
        self._back = False
        """The processor was away and answers again: what waits because of that need not wait any longer."""
        self._wake = asyncio.Event()
        self._nudges = iter(_NUDGES)
        self._stopped = False

    @property
    def breaker(self) -> BreakerState:
        return self._breaker.state

    def wake(self) -> None:
        """Work is coming: look now, and some more times if it is not there yet."""
        self._nudges = iter(_NUDGES)
        self._wake.set()

    def look(self) -> None:
        """There may be work: look once."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the calls in flight are settled, each within its timeout."""
        self._stopped = True
        self._wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as slots:
            while not self._stopped:
                self._wake.clear()
                pause = await self._advance(slots)
                if pause != 0:
                    await self._sleep(pause)

    async def _sleep(self, pause: float | None) -> None:
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _advance(self, slots: asyncio.TaskGroup) -> float | None:
        """Start a call if everything permits one; returns the seconds until it is worth looking again (None: woken)."""
        size, wait = self._permit()
        if size == 0:
            return wait
        try:
            jobs = await self._claim(size)
        except Exception as error:
            if not database_is_transient(error):
                raise
            _log.warning("runner_claim_failed", extra={"processor_id": self.processor_id, "error": _name(error)})
            self._bucket.give_back(size)
            return _AFTER_TROUBLE
        self._bucket.give_back(size - len(jobs))
        if not jobs:
            return next(self._nudges, None)
        self._in_flight += 1
        self._in_hand.update(job.task.task_id for job in jobs)
        slots.create_task(self._slot(jobs))
        return 0.0

    async def _claim(self, size: int) -> list[Job]:
        lost, self._lost = self._lost, False
        try:
            if lost:
                await self._crew.queue.free_lost(self.processor_id, self._in_hand)
            if self._back:
                self._back = False
                await self._crew.queue.hasten(self.processor_id, self.limits.max_tries - 1)
            return await self._crew.queue.claim(self.processor_id, size, self.limits.lease)
        except BaseException:
            self._lost = True
            raise

    def _permit(self) -> tuple[int, float | None]:
        if self._in_flight >= self.limits.concurrency:
            return 0, None
        now = self._crew.clock()
        if self._rate != (self.limits.per_second, self.limits.burst):
            self._rate = (self.limits.per_second, self.limits.burst)
            self._bucket = TokenBucket(self.limits.per_second, now, self.limits.burst)
        size, wait = self._breaker.permit(self.limits.batch, self._in_flight, now)
        return self._bucket.take(size, now) if size else (0, wait)

    async def _slot(self, jobs: Sequence[Job]) -> None:
        try:
            crashpoint("job.claimed")
            answers = await self._answers(jobs)
            crashpoint("job.answered")
            self._observe(answers)
            await self._finish(jobs, answers)
        finally:
            self._in_flight -= 1
            self._in_hand.difference_update(job.task.task_id for job in jobs)
            self.look()

    async def _answers(self, jobs: Sequence[Job]) -> list[Answer]:
        """One answer per job, whatever happens: an error of the code under it is an answer too."""
        if max(job.tries for job in jobs) > self.limits.max_tries:
            # Claimed that often without a result: those before us died with it. Alone, it can hurt nobody else.
            return [
                Answer.transient("worker_died") if job.tries > self.limits.max_tries else (await self._call([job]))[0]
                for job in jobs
            ]
        return await self._call(jobs)

    async def _call(self, jobs: Sequence[Job]) -> list[Answer]:
        tasks = [job.task for job in jobs]
        try:
            async with asyncio.timeout(self.limits.call_timeout):
                answers = list(await self._crew.work(self.processor_id, tasks[0].verb, tasks))
        except TimeoutError:
            return [Answer.transient("call_timeout")] * len(jobs)
        except Exception as error:  # noqa: BLE001 - an unknown error is transient, with an alarm
            _log.error(  # no traceback: it can quote personal data
                "runner_work_failed",
                extra={"processor_id": self.processor_id, "verb": tasks[0].verb.value, "error": _name(error)},
            )
            if len(jobs) > 1 and not database_is_transient(error):
                return await self._one_by_one(jobs)
            return [Answer.transient("worker_error")] * len(jobs)
        if len(answers) != len(jobs):
            _log.error("runner_wrong_number_of_answers", extra={"processor_id": self.processor_id})
            return [Answer.transient("worker_error")] * len(jobs)
        return answers

    async def _one_by_one(self, jobs: Sequence[Job]) -> list[Answer]:
        """A batch failed on an unknown error: find whose it is, so that one person spoils nobody else's."""
        answers: list[Answer] = []
        end = self._crew.clock() + self.limits.call_timeout
        for job in jobs:
            late = self._crew.clock() >= end
            answers.append(Answer.transient("call_timeout") if late else (await self._call([job]))[0])
        return answers

    def _observe(self, answers: Sequence[Answer]) -> None:
        now = self._crew.clock()
        before = self._breaker.state
        for answer in answers:
            if is_transient(answer):
                self._breaker.failed(now)
            else:
                self._back = self._breaker.succeeded() or self._back
        asked = max((answer.retry_after or 0.0 for answer in answers), default=0.0)
        if asked > 0:
            self._breaker.asked_to_wait(min(asked, self.limits.max_backoff), now)
        if self._breaker.state is not before:
            _log.warning(
                "breaker_changed", extra={"processor_id": self.processor_id, "state": self._breaker.state.value}
            )

    async def _finish(self, jobs: Sequence[Job], answers: Sequence[Answer]) -> None:
        """Write the results, again and again while the claim is safe; else whoever takes over does the work again."""
        final: list[tuple[Job, Answer]] = []
        again: list[tuple[Job, float]] = []
        for job, answer in zip(jobs, answers, strict=True):
            if is_transient(answer) and job.tries < self.limits.max_tries:
                again.append((job, self.limits.backoff(job.tries, self._crew.chance(), answer.retry_after)))
            else:
                final.append((job, when_tries_are_used_up(answer)))
            self._count(answer, job)

        async def write(tx: Tx) -> Sequence[Settled]:
            await self._crew.queue.reschedule(tx, again)
            return await self._crew.queue.settle(tx, final) if final else []

        end = self._crew.clock() + self.limits.lease * _GIVE_UP_SETTLING - self.limits.call_timeout
        pause = 0.05
        while True:
            try:
                await self._crew.settle(write)
            except Exception as error:  # noqa: BLE001 - the effect is done; its answer must not be dropped
                _log.error("runner_settle_failed", extra={"processor_id": self.processor_id, "error": _name(error)})
                if self._crew.clock() + pause >= end:
                    self._lost = True
                    return
                await asyncio.sleep(pause)
                pause = min(2.0, pause * 2)
            else:
                return

    def _count(self, answer: Answer, job: Job) -> None:
        retried = is_transient(answer) and job.tries < self.limits.max_tries
        result = "retry" if retried else answer.outcome.value
        self._crew.metrics.attempts.labels(self.processor_id, result).inc()


def _name(error: BaseException) -> str:
    """The type of an error; its text may hold personal data."""
    return type(error).__qualname__
