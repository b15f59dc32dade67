"""Clients, intake and trouble-makers on the simulated ground. Mirrors `intake/application/accept.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lethe_events.ids import message_id, uuid7
from lethe_events.words import Outcome, Verb
from lethe_processors.connector import Answer
from lethe_testkit.simulation.bus import Rec
from lethe_testkit.simulation.consuming import POISON
from lethe_testkit.simulation.core import request
from lethe_testkit.simulation.messaging import TRANSIENT, Messenger, Work
from lethe_testkit.simulation.sagas import EXPLOSIVE, Ask
from lethe_testkit.simulation.workers import ack_record
from lethe_testkit.simulation.world import CHECK, MS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from uuid import UUID

    from lethe_testkit.simulation.bus import Bus
    from lethe_testkit.simulation.store import Store
    from lethe_testkit.simulation.world import Process, Steps, World

_PATIENCE = 300 * MS


class DsrRow(NamedTuple):
    dsr_id: UUID
    submission: str


class Intake(Messenger):
    """One request at a time; group commit changes how many share a transaction, not what one may rely on."""

    def __init__(self, process: Process, store: Store, bus: Bus) -> None:
        super().__init__(process, store, bus)

    def accept(self, submission: str, answered: Callable[[UUID | None], None]) -> Steps:
        """Answers with the DSR that a 202 names, or None for a 5xx."""
        found: list[UUID] = []
        try:
            if self.world.mutant == "202_before_commit":
                yield from self.transact(lambda work: self._early(work, submission, found, answered), [])
                return
            yield from self.transact(lambda work: self._accept(work, submission, found), [])
        except TRANSIENT:
            yield self.world.short()
            answered(None)
        else:
            yield CHECK
            answered(found[0])

    def _early(self, work: Work, submission: str, found: list[UUID], answered: Callable[[UUID | None], None]) -> Steps:
        """A mutant: the answer leaves before the transaction is stored."""
        yield from self._accept(work, submission, found)
        answered(found[0])
        yield self.world.short()

    def _accept(self, work: Work, submission: str, found: list[UUID]) -> Steps:
        world = self.world
        dsr_id = uuid7(world.at, world.rng.randbytes(10))
        yield world.short()
        key = submission if world.mutant != "no_idempotency_key" else f"{submission}/{dsr_id}"
        if work.tx.insert("dsr", key, DsrRow(dsr_id, submission)):
            asked = request(world.rng, dsr_id, world.at)
            work.records.append(Rec("requests", dsr_id, message_id(dsr_id, 0, 0), asked, world.at))
            found.append(dsr_id)
        else:
            row: DsrRow = work.tx.get("dsr", key)
            found.append(row.dsr_id)
        yield world.short()


class Client:
    """Sends one wish, again and again under the same key, until it has its 202."""

    def __init__(self, submission: str) -> None:
        self.submission = submission
        self.dsr_id: UUID | None = None

    def insist(self, world: World, intakes: Callable[[], list[tuple[Process, Intake]]]) -> Steps:
        yield world.rng.randrange(1, 60) * MS
        while self.dsr_id is None:
            running = intakes()
            if not running:
                yield 50 * MS
                continue
            process, intake = running[world.rng.randrange(len(running))]
            answers: list[UUID | None] = []
            process.spawn(intake.accept(self.submission, answers.append))
            until = world.now + _PATIENCE
            while not answers and world.now < until:
                yield 10 * MS
            if answers:
                self.dsr_id = answers[0]
                if self.dsr_id is None:
                    yield 20 * MS


def trouble(world: World, bus: Bus, spoiled: set[tuple[str, int, int]], refusable: set[object]) -> Steps:
    """Puts on the bus what nobody should: poison, copies of old messages at any later time, answers to nothing."""
    rng: Random = world.rng
    for _ in range(rng.randrange(4)):
        yield rng.randrange(1, 500) * MS
        logs = [
            (place, log) for place, log in sorted(bus.logs.items()) if log and place[0] in {"requests", "acks", "tasks"}
        ]
        if not logs:
            continue
        (topic, partition), log = logs[rng.randrange(len(logs))]
        old = log[rng.randrange(len(log))].rec
        how = rng.randrange(4)
        world.struck[("poison", "explosive", "answer to nothing", "copy of an old message")[how]] += 1
        if how == 0:
            spoiled.add((topic, partition, len(log)))
            bus.append(old._replace(body=POISON))
        elif how == 1:
            spoiled.add((topic, partition, len(log)))
            bus.append(old._replace(body=EXPLOSIVE))
        elif how == 2:
            ask = Ask(message_id(old.key, 1, 1), old.key, "p0", Verb.ERASE, 1, world.at)
            stray = ack_record(ask, Answer(Outcome.DONE), world.at)
            refusable.add(stray.id)
            bus.append(stray)
        elif old.body not in (POISON, EXPLOSIVE):
            bus.append(old)
