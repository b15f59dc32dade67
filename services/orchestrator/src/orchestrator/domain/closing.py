"""The closing equation: what each processor still owes, and so what the saga owes. GDPR Art. 5(2), 17(1), 15(1).

closed ⇔ every processor in scope is (acknowledged and verified) or lawfully excepted with its ground,
and the package is there where one was asked for. There is no other way to close, and no way to skip.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_events.words import PACKAGE_PROCESSOR, Outcome, Result, Right, SagaState, Verb
from orchestrator.domain.courses import onward
from orchestrator.domain.saga import CHANGES
from orchestrator.domain.words import ENDING, RESTRICTED, Standing, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from orchestrator.domain.beside import Beside
    from orchestrator.domain.saga import Saga, Task


class Verdict(StrEnum):
    """What one processor in scope owes. The first four end it lawfully."""

    PROVEN = "proven"  # acknowledged and verified; for access: exported
    UNVERIFIABLE = "unverifiable"  # acknowledged; the register excepts verification, with its ground
    EXCEPTED = "excepted"  # by two people, with a ground
    NOT_CONCERNED = "not_concerned"  # by the register the right reaches nothing there; the certificate says why
    ABSENCE_OWED = "absence_owed"  # an asynchronous vendor promised
    LOOK_OWED = "look_owed"  # acknowledged, not yet verified
    WORK_OWED = "work_owed"


LAWFUL_END = frozenset({Verdict.PROVEN, Verdict.UNVERIFIABLE, Verdict.EXCEPTED, Verdict.NOT_CONCERNED})

STATE_OF: Mapping[Standing, SagaState | str] = {
    Standing.SCOPE_UNKNOWN: SagaState.RECEIVED,
    Standing.WORK_OWED: SagaState.FULFILLING,
    Standing.LOOK_OWED: SagaState.VERIFYING,
    Standing.ABSENCE_OWED: SagaState.ANSWERED,
    Standing.NOTHING_OWED: SagaState.CLOSED,
    Standing.ANSWERS_OWED: ENDING,
    Standing.IDENTITY_OWED: SagaState.IDENTITY,
    Standing.DECISION_OWED: SagaState.DECIDING,
    Standing.LIFT_OWED: RESTRICTED,
}
SAID_AS: Mapping[SagaState | str, SagaState] = {ENDING: SagaState.FULFILLING, RESTRICTED: SagaState.ANSWERED}
"""Places of the tables that are no states for others."""


def place(saga: Saga) -> SagaState | str:
    """Where a saga is in the tables."""
    beside = saga.beside
    if beside is None:
        return saga.state
    if beside.ended is not None and saga.state is not SagaState.CLOSED:
        return ENDING
    if beside.asked is not None and saga.state is SagaState.ANSWERED:
        owed = standing(saga.right, saga.needs_package, saga.tasks)
        if onward(saga.right, beside, saga.tasks.values(), owed) is Standing.LIFT_OWED:
            return RESTRICTED
    return saga.state


Heads = dict[str, dict[Verb, "Task"]]


def heads(tasks: Mapping[UUID, Task]) -> Heads:
    """Processor → verb → its task of the highest round."""
    found: Heads = {}
    for task in tasks.values():
        verbs = found.setdefault(task.processor_id, {})
        known = verbs.get(task.verb)
        if known is None or task.round > known.round:
            verbs[task.verb] = task
    return found


def verdicts(right: Right, needs_package: bool, tasks: Mapping[UUID, Task]) -> dict[str, Verdict]:
    """What each processor in scope owes; the package counts as one where it was asked for."""
    newest = heads(tasks)
    packaging = newest.pop(PACKAGE_PROCESSOR, {})
    found = {processor_id: _verdict(right, needs_package, verbs) for processor_id, verbs in newest.items()}
    if needs_package and any(v is not Verdict.NOT_CONCERNED for v in found.values()):
        package = packaging.get(Verb.PACKAGE)
        found[PACKAGE_PROCESSOR] = Verdict.PROVEN if package is not None and package.good else Verdict.WORK_OWED
    return found


def _verdict(right: Right, needs_package: bool, verbs: Mapping[Verb, Task]) -> Verdict:
    if needs_package:
        export = verbs.get(Verb.EXPORT)
        if export is not None and export.status is TaskStatus.NOT_CONCERNED:
            return Verdict.NOT_CONCERNED
        if export is None or not (export.good or export.status is TaskStatus.EXCEPTED):
            return Verdict.WORK_OWED
        if right is not Right.ERASURE:
            return Verdict.PROVEN if export.good else Verdict.EXCEPTED
    return _change_verdict(verbs.get(Verb.ERASE) if right is Right.ERASURE else newest_change(verbs), verbs)


def newest_change(verbs: Mapping[Verb, Task]) -> Task | None:
    """What a processor was asked last to change: of a request in several stages, the newest alone owes anything."""
    return max((t for verb, t in verbs.items() if verb in CHANGES), key=lambda t: t.round, default=None)


def _change_verdict(change: Task | None, verbs: Mapping[Verb, Task]) -> Verdict:
    if change is None:
        return Verdict.WORK_OWED
    if change.status is TaskStatus.EXCEPTED:
        return Verdict.EXCEPTED
    if change.status is TaskStatus.ACCEPTED:
        return Verdict.ABSENCE_OWED
    if change.status is TaskStatus.NOT_CONCERNED:
        return Verdict.NOT_CONCERNED
    return _look_verdict(change, verbs.get(Verb.VERIFY)) if change.good else Verdict.WORK_OWED


def _look_verdict(change: Task, verify: Task | None) -> Verdict:
    """After an acknowledged change: only a look of the same round counts."""
    if change.rules.unverifiable is not None and (verify is None or verify.round < change.round):
        return Verdict.UNVERIFIABLE
    if verify is None:
        return Verdict.WORK_OWED
    if verify.round == change.round and verify.good:
        return Verdict.PROVEN
    if verify.round == change.round and verify.status is TaskStatus.EXCEPTED:
        return Verdict.EXCEPTED
    return Verdict.ABSENCE_OWED if change.expected_by is not None else Verdict.LOOK_OWED


def equation_holds(found: Mapping[str, Verdict]) -> bool:
    """Whether a saga with these verdicts may close. An empty scope never may."""
    return bool(found) and all(v in LAWFUL_END for v in found.values())


def standing(right: Right, needs_package: bool, tasks: Mapping[UUID, Task]) -> Standing:
    """The heaviest thing still owed."""
    if any(t.status is TaskStatus.ISSUED and t.verb is Verb.ERASE for t in tasks.values()):
        return Standing.WORK_OWED  # as what follows would find; most events leave another processor at work
    found = verdicts(right, needs_package, tasks)
    if not found:
        return Standing.SCOPE_UNKNOWN
    if equation_holds(found):
        return Standing.NOTHING_OWED
    owed = set(found.values())
    if Verdict.WORK_OWED in owed:
        return Standing.WORK_OWED
    return Standing.LOOK_OWED if Verdict.LOOK_OWED in owed else Standing.ABSENCE_OWED


def refused_in_part(tasks: Mapping[UUID, Task]) -> bool:
    """Whether anything is kept or excepted: the person is owed the reasons (Art. 12(4))."""
    for task in tasks.values():
        if task.status is TaskStatus.EXCEPTED and task.verb is not Verb.VERIFY:
            return True
        if task.answer is not None and task.answer.outcome is Outcome.RETAINED and not _overtaken(task, tasks):
            return True
    return False


def _overtaken(task: Task, tasks: Mapping[UUID, Task]) -> bool:
    """Whether a later round has its answer: what was kept in an earlier one is kept no more, or said again."""
    return any(
        t.round > task.round and t.verb is task.verb and t.processor_id == task.processor_id and t.good
        for t in tasks.values()
    )


def result(saga: Saga) -> Result | None:
    """What the data subject is told; None while the saga owes more than a vendor's absence.

    A request that ended has the result of its end, whatever had been done: the certificate says that.
    Anything kept or excepted makes it partial (Art. 12(4)): the reasons have to be given.
    """
    if saga.answered_at is None:
        return None
    if saga.beside is not None and saga.beside.ended is not None:
        return saga.beside.ended.result
    if saga.beside is not None and saga.beside.asked is not None:
        decided = _decided(saga.right, saga.beside)
        if decided is not None:
            return decided
    if refused_in_part(saga.tasks):
        return Result.PARTIALLY_GRANTED
    outcomes = {t.answer.outcome for t in saga.tasks.values() if t.verb in _MINE[saga.right] and t.answer is not None}
    return Result.NOTHING_FOUND if outcomes <= {Outcome.NOTHING_FOUND} else Result.GRANTED


_MINE: Mapping[Right, frozenset[Verb]] = dict.fromkeys(Right, CHANGES - {Verb.LIFT}) | {
    Right.ACCESS: frozenset({Verb.EXPORT}),
    Right.PORTABILITY: frozenset({Verb.EXPORT}),
    Right.ERASURE: frozenset({Verb.ERASE}),
}
"""Whose answers tell whether anything of the person was found."""


def _decided(right: Right, beside: Beside) -> Result | None:
    """What a person's decision makes of the result. A review took place even where it confirms (Art. 22(3))."""
    if beside.taken_back is not None:
        return Result.WITHDRAWN
    decision = beside.decision
    if decision is None:
        return None
    if right is Right.AUTOMATED_DECISION:
        return Result.GRANTED if decision.upheld else Result.PARTIALLY_GRANTED
    return None if decision.upheld else Result.REFUSED
