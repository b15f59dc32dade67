"""The working copy of one decision. It changes inside `decide` and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from lethe_events import PartOf
from lethe_events.ids import task_id as make_task_id
from lethe_events.words import Verb
from orchestrator.domain import holding
from orchestrator.domain.decision import AskProcessor, IncidentOpened, IncidentResolved
from orchestrator.domain.words import Code, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from lethe_events import ExportPart
    from orchestrator.domain.decision import Command
    from orchestrator.domain.saga import Saga, Task


class Draft:
    """Tasks are copied on the first change; `fields` are changes of the saga itself."""

    __slots__ = ("at", "changed", "commands", "fields", "opened", "resolved", "saga", "tasks", "tell")

    def __init__(self, saga: Saga, at: datetime) -> None:
        self.saga = saga
        self.at = at
        self.tasks: dict[UUID, Task] = dict(saga.tasks)
        self.changed: dict[UUID, None] = {}
        self.commands: list[Command] = []
        self.opened: list[IncidentOpened] = []
        self.resolved: list[IncidentResolved] = []
        self.fields: dict[str, Any] = {}
        self.tell = False

    def add(self, task: Task) -> None:
        self.tasks[task.id] = task
        self.changed[task.id] = None

    def put(self, task: Task, **changes: Any) -> Task:
        """Change a task. One that leaves the status of an incident resolves it."""
        left = task.status is TaskStatus.INCIDENT and changes.get("status", task.status) is not TaskStatus.INCIDENT
        if left:
            self.resolved.append(IncidentResolved(task.code or "", task.id))
            changes.setdefault("code", None)
        new = replace(task, **changes)
        self.add(new)
        return new

    def raise_incident(self, task: Task, code: Code, **changes: Any) -> Task:
        """Nothing more happens to this task by itself."""
        if task.status is TaskStatus.INCIDENT:
            self.resolved.append(IncidentResolved(task.code or "", task.id))
        self.opened.append(IncidentOpened(code.value, task.id))
        return self.put(task, **changes, status=TaskStatus.INCIDENT, code=code.value, due_at=None)

    def alert(self, code: Code) -> None:
        """An incident of the saga as a whole; open once."""
        alerts: tuple[str, ...] = self.fields.get("alerts", self.saga.alerts)
        if code.value not in alerts:
            self.fields["alerts"] = (*alerts, code.value)
            self.opened.append(IncidentOpened(code.value))

    def resolve_alerts(self, *codes: Code) -> None:
        """Take back alerts; all of them where no code is given."""
        alerts: tuple[str, ...] = self.fields.get("alerts", self.saga.alerts)
        gone = [a for a in alerts if not codes or a in codes]
        if gone:
            self.fields["alerts"] = tuple(a for a in alerts if a not in gone)
            self.resolved.extend(IncidentResolved(a) for a in gone)

    def issue(self, task: Task) -> Task:
        """Ask the processor, once more or for the first time; the same attempt has the same message id for ever."""
        if task.verb is Verb.ERASE and self.held(task):
            return self.put(task, status=TaskStatus.ON_HOLD, due_at=None)
        missing = unaskable(self.saga, task)
        if missing is not None:
            return self.raise_incident(task, missing)
        if task.verb is Verb.ERASE:
            self._pin(task)
        asked = self.put(
            task,
            status=TaskStatus.ISSUED,
            attempt=task.attempt + 1,
            tries=task.tries + 1,
            due_at=self.at + task.rules.ack_within,
        )
        self.commands.append(AskProcessor(asked, parts_of(self.tasks.values()) if asked.verb is Verb.PACKAGE else ()))
        return asked

    def _pin(self, task: Task) -> None:
        beside = self.fields.get("beside", self.saga.beside)
        if beside is not None:
            pinned = holding.pin(beside, task)
            if pinned is not beside:
                self.fields["beside"] = pinned

    def held(self, task: Task) -> bool:
        """Whether a legal hold is in force that this task would break."""
        return holding.stopped(self.fields.get("beside", self.saga.beside), task)

    def sibling(self, task: Task, verb: Verb) -> Task | None:
        """The task of the same processor and round for another verb. Its id is known, so nothing is searched."""
        return self.tasks.get(make_task_id(self.saga.id, task.processor_id, verb.value, task.round))

    def acted(self, look: Task) -> Task | None:
        """The change that a look is about."""
        return self.tasks.get(look.after[0]) if look.after else None

    def superseded(self, task: Task) -> bool:
        """Whether a later round took the place of this task."""
        return make_task_id(self.saga.id, task.processor_id, task.verb.value, task.round + 1) in self.tasks

    def release(self) -> None:
        """Ask for every task that waits for nothing any more."""
        tasks = self.tasks
        for task in list(tasks.values()):
            if task.status is TaskStatus.BLOCKED and all(_satisfied(tasks[i]) for i in task.after):
                self.issue(task)


def unaskable(saga: Saga, task: Task) -> Code | None:
    """Why this task cannot be asked for at all."""
    rules = task.rules
    if task.verb not in rules.verbs:
        return Code.VERB_MISSING
    known = not rules.identities or not set(rules.identities).isdisjoint(saga.identifier_kinds)
    if rules.kafka_native and not task.tokens and known:
        return Code.TOKEN_MISSING
    return None


def parts_of(tasks: Iterable[Task]) -> tuple[PartOf, ...]:
    """What the package has to hold: every export that the right reaches, with its part where there is one.

    Sorted, so that asking again says the same.
    """
    asked = (t for t in tasks if t.verb is Verb.EXPORT and t.status is not TaskStatus.NOT_CONCERNED)
    exports = sorted(asked, key=lambda t: t.processor_id)
    return tuple(PartOf(task_id=t.id, processor_id=t.processor_id, part=_part(t)) for t in exports)


def _part(task: Task) -> ExportPart | None:
    """Only of a task that is done: what came although the export was excepted stays out (Art. 15(4))."""
    return task.answer.part if task.good and task.answer is not None else None


_WITHOUT = frozenset({TaskStatus.EXCEPTED, TaskStatus.NOT_CONCERNED})


def _satisfied(task: Task) -> bool:
    return task.good or task.status in _WITHOUT
