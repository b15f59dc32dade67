"""A saga and its tasks, as values. Nothing here changes; `decide` gives a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct, field

from lethe_events.words import Outcome, Right, SagaState, Verb
from orchestrator.domain.words import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from lethe_events import TaskAcknowledged
    from lethe_events.words import Channel
    from orchestrator.domain.beside import Beside
    from orchestrator.domain.deadlines import Deadlines
    from orchestrator.domain.rules import ProcessorRules

GOOD = frozenset({Outcome.DONE, Outcome.NOTHING_FOUND, Outcome.RETAINED})
SETTLED = frozenset({TaskStatus.DONE, TaskStatus.EXCEPTED, TaskStatus.NOT_CONCERNED})
COPIED = frozenset({Right.ACCESS, Right.PORTABILITY})
"""Rights that are answered by a package."""
SIMPLE = frozenset({Right.ACCESS, Right.ERASURE})
"""Rights that reach every processor, whatever it does with the data."""
MAY_ERASE = frozenset({Right.ERASURE, Right.CONSENT_WITHDRAWAL})
"""Rights that may end data, so that a legal hold concerns them."""
CHANGES = frozenset({Verb.ERASE, Verb.RECTIFY, Verb.RESTRICT, Verb.LIFT, Verb.SUPPRESS})
"""Verbs that change data, and whose effect is looked at."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An exception that waits for a second person."""

    ground: str
    article: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LawfulException:
    """Why a task was lawfully not done, and the two people who say so."""

    ground: str
    article: str
    reason: str
    proposed_by: str
    approved_by: str
    at: datetime


class Task(Struct, frozen=True, gc=False):
    """What one processor is asked to do. `id` is derived from saga, processor, verb and round.

    `attempt`: how often it was asked (0: never). `answered`: the highest attempt that has an answer; what arrives for
    it or for an earlier one counts no more. `tries`: attempts in a row without success; `looks`: looks that found data
    inside the deletion lag. `due_at`: the next technical moment (overdue, retry, look); what it means follows from the
    status. `expected_by`: what an asynchronous vendor promised. `gone_by`: when its deletion lag ends.
    """

    id: UUID
    processor_id: str
    verb: Verb
    round: int
    after: tuple[UUID, ...]
    rules: ProcessorRules
    tokens: tuple[str, ...] = ()
    status: TaskStatus = TaskStatus.BLOCKED
    attempt: int = 0
    answered: int = 0
    tries: int = 0
    looks: int = 0
    due_at: datetime | None = None
    expected_by: datetime | None = None
    gone_by: datetime | None = None
    settled_at: datetime | None = None
    answer: TaskAcknowledged | None = None
    proposal: Proposal | None = None
    exception: LawfulException | None = None
    code: str | None = None

    @property
    def settled(self) -> bool:
        return self.status in SETTLED

    @property
    def good(self) -> bool:
        """Done with an answer that says so; a verification that found data left is done but not good."""
        answer = self.answer
        return self.status is TaskStatus.DONE and answer is not None and answer.outcome is not Outcome.RESIDUAL

    @property
    def name(self) -> str:
        return f"{self.verb}@{self.processor_id}#{self.round}"


class Saga(Struct, frozen=True, gc=False):
    """The carrying-out of one DSR. `version` grows with every applied event; `alarm` is the next rung to ring.

    `register_version`: what it was planned with; a task's own version is in its rules, because processors may join.
    `alerts`: open incidents of the saga as a whole. `beside`: what happened to it beside its tasks.
    """

    id: UUID
    controller_id: str
    subject_ref: UUID
    right: Right
    export_first: bool
    country: str
    channel: Channel
    identity: str
    identifier_kinds: tuple[str, ...]
    received_at: datetime
    accepted_at: datetime
    clock: Deadlines
    state: SagaState = SagaState.RECEIVED
    version: int = 0
    register_version: str | None = None
    tasks: Mapping[UUID, Task] = field(default_factory=dict)
    alarm: int = 0
    alerts: tuple[str, ...] = ()
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    shredded_at: datetime | None = None
    beside: Beside | None = None

    @property
    def open_incidents(self) -> int:
        return len(self.alerts) + sum(t.status is TaskStatus.INCIDENT for t in self.tasks.values())

    @property
    def needs_package(self) -> bool:
        return self.right in COPIED or self.export_first

    def latest(self, processor_id: str, verb: Verb) -> Task | None:
        """The task of the highest round; earlier ones are history."""
        found: Task | None = None
        for task in self.tasks.values():
            if task.verb is verb and task.processor_id == processor_id and (found is None or task.round > found.round):
                found = task
        return found
