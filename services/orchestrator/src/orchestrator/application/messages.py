"""Commands as messages. Each is encoded once; its id is the same whenever it is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lethe_events as wire
from lethe_events.ids import message_id, text_of
from lethe_events.words import Verb
from orchestrator.application.absences import absences
from orchestrator.application.correspondence import Correspondence
from orchestrator.domain.certificate import kept
from orchestrator.domain.closing import result
from orchestrator.domain.holding import withheld_from
from orchestrator.domain.terms import purposes_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from orchestrator.application.topics import Topics
    from orchestrator.domain.decision import AskProcessor
    from orchestrator.domain.rules import Reach
    from orchestrator.domain.saga import Saga, Task

SOURCE = "/lethe/orchestrator"


class Messages:
    """Encodes for the topics of this deployment."""

    def __init__(self, topics: Topics, correspondence: Correspondence | None = None) -> None:
        self._topics = topics
        self.correspondence = correspondence or Correspondence(topics.letters.name)
        self._names: dict[tuple[str, Verb, Reach], str] = {}

    def stamp(self, saga: Saga, *, at: datetime, cause: UUID | None) -> wire.Stamp:
        """What all messages have in common that one event of a saga gives rise to."""
        return wire.Stamp(source=SOURCE, key=text_of(saga.id), time=at, correlation_id=saga.id, causation_id=cause)

    def task(self, saga: Saga, command: AskProcessor, stamp: wire.Stamp) -> wire.Record:
        """Id by task and attempt, so that a recovered saga asks with the same message."""
        task = command.task
        body = wire.TaskRequested(
            task_id=task.id,
            dsr_id=saga.id,
            subject_ref=saga.subject_ref,
            controller_id=saga.controller_id,
            processor_id=task.processor_id,
            right=saga.right,
            verb=task.verb,
            round=task.round,
            attempt=task.attempt,
            register_version=task.rules.register_version,
            due_at=saga.clock.due_strict,
            subject_tokens=task.tokens,
            verifies=task.after[0] if task.verb is Verb.VERIFY else None,
            parts=command.parts,
            withheld=() if saga.beside is None else withheld_from(saga.beside, task),
            purposes=() if saga.beside is None else purposes_of(saga, task),
        )
        return stamp.record(self._topic(task), body, message_id(task.id, task.attempt, 0))

    def _topic(self, task: Task) -> str:
        """Looked up once per processor, verb and way to reach it."""
        known = self._names.get((task.processor_id, task.verb, task.rules.reach))
        if known is None:
            known = self._topics.of_task(task.verb, task.rules)
            self._names[task.processor_id, task.verb, task.rules.reach] = known
        return known

    def status(self, saga: Saga, certificate: str | None, stamp: wire.Stamp, at: datetime) -> wire.Record:
        id_ = message_id(saga.id, saga.version, 0)
        return stamp.record(self._topics.status.name, status_of(saga, certificate, at), id_)


def _refusal(saga: Saga) -> wire.Refusal | None:
    refusal = None if saga.beside is None else saga.beside.refusal
    if refusal is None:
        return _decided_against(saga)
    return wire.Refusal(
        ground=refusal.ground, article=refusal.article, reason=refusal.reason, authority=refusal.authority
    )


def _decided_against(saga: Saga) -> wire.Refusal | None:
    """An objection or a correction that was weighed and not granted: the person is owed the reason (Art. 12(4))."""
    decision = None if saga.beside is None else saga.beside.decision
    if decision is None or decision.ground is None:
        return None
    return wire.Refusal(ground=decision.ground, article=decision.article, reason=decision.reasons[0])


def status_of(saga: Saga, certificate: str | None, at: datetime) -> wire.DsrStatus:
    """Where a saga stands, for those who show it. `certificate`: hash (hex) of the signed document, once closed."""
    package = max(
        (t for t in saga.tasks.values() if t.verb is Verb.PACKAGE and t.good), key=lambda t: t.round, default=None
    )
    return wire.DsrStatus(
        dsr_id=saga.id,
        controller_id=saga.controller_id,
        version=saga.version,
        state=saga.state,
        at=at,
        due_strict=saga.clock.due_strict,
        due_legal=saga.clock.due_legal,
        tasks=len(saga.tasks),
        settled=sum(t.settled for t in saga.tasks.values()),
        open_incidents=saga.open_incidents,
        result=result(saga),
        retained=tuple(row for _, row in kept(saga)) if saga.answered_at is not None else (),
        package=None if package is None or package.answer is None else package.answer.part,
        certificate_sha256=certificate,
        refusal=_refusal(saga),
        absent=absences(saga),
    )
