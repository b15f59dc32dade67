"""A history from the rows and logs of a simulated installation: the same that a collector reads from real ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_events.words import Right
from lethe_testkit.history import (
    Accepted,
    AckEnd,
    Answered,
    Asked,
    Backlog,
    ChainLink,
    Claimed,
    Effect,
    History,
    IncidentEnd,
    SagaEnd,
    TaskEnd,
    TimerEnd,
    Written,
)
from lethe_testkit.simulation.core import RETENTION
from lethe_testkit.simulation.sagas import Ask
from orchestrator.domain.timers import next_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lethe_testkit.simulation.bus import Rec
    from lethe_testkit.simulation.core import Row
    from lethe_testkit.simulation.installation import Installation
    from lethe_testkit.simulation.store import Store


def collect(place: Installation) -> History:
    """Everything the checker judges, at the end of a schedule."""
    sagas, jobs = place.saga_store, place.job_store
    rows: Mapping[object, Row] = sagas.rows("saga")
    parked = {p for store in (sagas, jobs) for p in store.rows("parked")}
    refusable = {p for p in parked if _at(place, p) in place.refusable}
    return History(
        ended_at=place.world.at,
        accepted=tuple(Accepted(c.dsr_id, c.submission) for c in place.clients if c.dsr_id is not None),
        sagas=tuple(_sagas(place, rows)),
        tasks=tuple(_tasks(rows)),
        asked=tuple(_asked(place)),
        effects=tuple(Effect(*did) for did in place.outside.effects),
        observes_effects=frozenset(place.outside.counted),
        answered=tuple(Answered(*told) for told in jobs.rows("told").values()),
        acks=tuple(AckEnd(*key[:4], *row) for key, row in sagas.rows("ack").items()),
        links=tuple(_links(place)),
        incidents=tuple(
            IncidentEnd(str(key), i.saga_id, i.code, i.opened_at, i.resolved_at)
            for key, i in sagas.rows("incident").items()
        ),
        timers=tuple(_timers(sagas, rows)),
        backlog=tuple(_backlog(place)),
        undecodable=frozenset(place.spoiled),
        refusable=frozenset(refusable),
        parked=frozenset(parked),
        claims=tuple(Claimed(*row) for store in (sagas, jobs) for _, row in sorted(store.rows("claim").items())),
        written=tuple(Written(str(r.writer), f"{r.topic}/{r.key}", r.serial) for r in _first(place)),
        patience=timedelta(seconds=2),
    )


def _at(place: Installation, spot: tuple[str, int, int]) -> object:
    topic, partition, offset = spot
    return place.bus.logs[topic, partition][offset].rec.id


def _sagas(place: Installation, rows: Mapping[object, Row]) -> Iterator[SagaEnd]:
    submissions = {row.dsr_id: row.submission for row in place.intake_store.rows("dsr").values()}
    for saga, seq, head in rows.values():
        yield SagaEnd(
            saga.id,
            saga.state.value,
            saga.closed_at,
            saga.answered_at,
            saga.shredded_at,
            seq,
            head,
            saga.alerts,
            saga.right is Right.ERASURE,
            saga.needs_package,
            submissions.get(saga.id),
        )


def _tasks(rows: Mapping[object, Row]) -> Iterator[TaskEnd]:
    for saga, _, _ in rows.values():
        for task in saga.tasks.values():
            exception = task.exception
            yield TaskEnd(
                saga.id,
                task.id,
                task.processor_id,
                task.verb.value,
                task.round,
                task.status.value,
                task.attempt,
                task.answered,
                None if task.answer is None else task.answer.outcome.value,
                task.settled_at,
                task.due_at,
                None if exception is None else exception.ground,
                None if exception is None else exception.at,
                task.rules.unverifiable is not None,
            )


def _asked(place: Installation) -> Iterator[Asked]:
    for (topic, _), log in place.bus.logs.items():
        if not topic.startswith("tasks"):
            continue
        for fetched in log:
            ask = fetched.rec.body
            if isinstance(ask, Ask):
                yield Asked(ask.saga_id, ask.task_id, ask.processor_id, ask.attempt, fetched.rec.at)


def _links(place: Installation) -> Iterator[ChainLink]:
    for (saga_id, seq), link in sorted(place.saga_store.rows("link").items()):
        yield ChainLink(
            saga_id, seq, link.hash, link.content, link.kind, link.at, link.state, link.due_at, link.subject
        )
    for saga_id, rung, due_at, at in place.saga_store.rows("rung").values():
        yield ChainLink(saga_id, 0, "", "", "alarm_due", at, None, due_at, str(rung))


def _timers(store: Store, rows: Mapping[object, Row]) -> Iterator[TimerEnd]:
    armed = store.rows("timer")
    for saga, _, _ in rows.values():
        moment = next_moment(saga, RETENTION)
        yield TimerEnd(saga.id, armed.get(saga.id), None if moment is None else moment.due_at)


def _backlog(place: Installation) -> Iterator[Backlog]:
    for store in (place.saga_store, place.job_store, place.intake_store):
        yield Backlog("outbox", store.name, len(store.rows("outbox")))
    yield Backlog("lag", "all partitions", place.lag())
    left = sum(job.state != "settled" for job in place.job_store.rows("job").values())
    yield Backlog("queue", "workers", left)


def _first(place: Installation) -> Iterator[Rec]:
    """What the relay published, each record at its first time; what was put off in between is left out."""
    seen: set[tuple[int, int, str]] = set()
    for rec in place.bus.relayed:
        once = (rec.writer, rec.serial, str(rec.key))
        if once not in seen:
            seen.add(once)
            yield rec
