"""The real pure core, called as the service calls it: decide, timers, the audit chain, and replay at the end.

Of its input nothing is simulated but the times, which are short enough for a schedule: `ack_within` half a second, a
retention of a third of one, a deadline that is seven days and a moment away, so that the ladder begins to ring at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from lethe_events.words import Right, SagaState, Verb
from lethe_testkit.sagas import VERSION, dsr
from orchestrator.domain import audit, record
from orchestrator.domain import events as e
from orchestrator.domain.deadlines import Deadlines
from orchestrator.domain.decide import decide
from orchestrator.domain.decision import Disposition
from orchestrator.domain.replay import replay
from orchestrator.domain.retry import RetryPolicy
from orchestrator.domain.rules import ProcessorRules, Reach, Unverifiable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from random import Random
    from uuid import UUID

    import lethe_events as wire
    from orchestrator.domain.decision import Decision
    from orchestrator.domain.saga import Saga

RETENTION = timedelta(milliseconds=300)
CONTROLLER = "acme"
_POLICY = RetryPolicy(3, timedelta(milliseconds=60), 2.0, timedelta(milliseconds=200))
_UNVERIFIABLE = Unverifiable("no_access", "GDPR Art. 5(2)", "nobody_can_look")


class Request(NamedTuple):
    """What intake puts on the bus: the DSR, and the clock that the orchestrator would work out for it."""

    body: wire.DsrReceived
    clock: Deadlines


class Row(NamedTuple):
    """A saga as stored. `links` of its chain lie in their own table."""

    saga: Saga
    seq: int
    head: str


class Stored(NamedTuple):
    """A link as stored, with what the checker would otherwise have to read from its text."""

    hash: str
    content: str
    kind: str
    at: datetime
    state: str | None
    due_at: datetime | None
    subject: str | None


@dataclass(frozen=True, slots=True)
class Core:
    """`deep`: links are the real ones (canonical JSON with the whole event), and every saga is replayed at the end.

    Without it a link is a short text over the same facts: the chain is as long and hashed as much, at a tenth of the
    price. `processors`: the register.
    """

    deep: bool
    processors: Mapping[str, ProcessorRules]

    def decide(self, saga: Saga | None, event: e.Event) -> Decision:
        return decide(saga, event)

    def planned(self, at: datetime) -> e.ScopePlanned:
        tokens = {p: ("t" * 22,) for p, rules in self.processors.items() if rules.kafka_native}
        return e.ScopePlanned(at, VERSION, tuple(self.processors.values()), tokens)

    def link(self, event: e.Event, decision: Decision, seq: int, head: str) -> Stored:
        saga = decision.saga
        assert saga is not None, "only an applied decision is recorded"
        kind = record.kind_of(type(event))
        due_at: datetime | None = getattr(event, "due_at", None)
        subject = None if due_at is None else str(getattr(event, "rung", getattr(event, "task_id", "")))
        if self.deep:
            made = audit.link_of(event, decision, seq, head)
            return Stored(made.hash, made.content, kind, event.at, saga.state.value, due_at, subject)
        content = f"{saga.id.int} {seq} {kind} {event.at} {saga.state} {saga.version}"
        return Stored(chained(head, content), content, kind, event.at, saga.state.value, due_at, subject)

    def certified(self, saga: Saga, at: datetime, seq: int, head: str) -> Stored:
        if self.deep:
            document = sha256(head.encode()).hexdigest()
            made = audit.certified(saga.id, at, seq=seq, previous=head, document_sha256=document, key_id="simulated")
            return Stored(made.hash, made.content, "certificate_issued", at, None, None, None)
        content = f"{saga.id.int} {seq} certificate_issued"
        return Stored(chained(head, content), content, "certificate_issued", at, None, None, None)

    def replays(self, saga: Saga, contents: Sequence[str]) -> bool:
        """Whether deciding the record once more leads to what is stored. Tokens are not in the record."""
        if not self.deep:
            return True
        again = replay(contents, {VERSION: self.processors})
        return again is not None and facts(again) == facts(saga)


def chained(head: str, content: str) -> str:
    return sha256(f"{head}\n{content}".encode()).hexdigest()


def facts(saga: Saga) -> object:
    tasks = {i: (t.status, t.attempt, t.answered, t.due_at, t.settled_at) for i, t in saga.tasks.items()}
    return saga.state, saga.version, saga.alarm, saga.alerts, saga.closed_at, tasks


def register(rng: Random) -> Mapping[str, ProcessorRules]:
    """One to three processors: reached through a worker or over Kafka, some of them not verifiable."""
    found: dict[str, ProcessorRules] = {}
    for n in range(rng.choices((1, 2, 3), (5, 4, 1))[0]):
        name = f"p{n}"
        native = rng.random() < 0.3
        found[name] = ProcessorRules(
            name,
            VERSION,
            Reach.KAFKA if native else Reach.SQL,
            frozenset({Verb.EXPORT, Verb.ERASE, Verb.VERIFY}),
            after=(f"p{n - 1}",) if n and rng.random() < 0.3 else (),
            unverifiable=_UNVERIFIABLE if rng.random() < 0.1 else None,
            ack_within=timedelta(milliseconds=700),
            retries=_POLICY,
        )
    return found


def request(rng: Random, dsr_id: UUID, at: datetime) -> Request:
    """Mostly erasures; a rung of the ladder may be due at once, soon, or not in this schedule."""
    right = Right.ACCESS if rng.random() < 0.15 else Right.ERASURE
    export_first = right is Right.ERASURE and rng.random() < 0.1
    days = rng.choice((7, 7, 3, 30))
    strict = at + timedelta(days=days, milliseconds=rng.randrange(1, 400))
    legal = strict + timedelta(milliseconds=rng.randrange(1, 400))
    body = dsr(right, dsr_id=dsr_id, received_at=at, export_first=export_first)
    return Request(body, Deadlines(strict, legal, "simulated", {}))


def is_closed(saga: Saga) -> bool:
    return saga.state is SagaState.CLOSED


APPLIED, IGNORED, REJECTED = Disposition.APPLIED, Disposition.IGNORED, Disposition.REJECTED
