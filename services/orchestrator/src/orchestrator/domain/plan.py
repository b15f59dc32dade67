"""Scope and order: which processors are asked for what, and what has to come first. GDPR Art. 15(1), 17(1), 19.

access    export at each → package; portability: at each that holds something portable
erasure   erase at each (after the register's `after`) → verify at each, unless verification is excepted
both      export at each → package → erase …: nothing is erased unless the package is there
others    the stage of `courses` at each that it concerns, all at once → verify at each
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_events.ids import task_id as make_task_id
from lethe_events.words import PACKAGE_PROCESSOR, Right, Verb
from orchestrator.domain.beside import Beside
from orchestrator.domain.courses import Whom, restricted, stage_of
from orchestrator.domain.rules import package_rules
from orchestrator.domain.saga import COPIED, Saga, Task
from orchestrator.domain.terms import choose, concern, unknown
from orchestrator.domain.words import Code, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from orchestrator.domain.draft import Draft
    from orchestrator.domain.rules import ProcessorRules

MAX_ROUNDS = 2
"""Erasures of one processor in one saga that go on by themselves; after them a person has to look."""


def extend(
    draft: Draft,
    processors: Sequence[ProcessorRules],
    tokens: Mapping[str, tuple[str, ...]],
    register_version: str,
) -> None:
    """Take processors into scope: at planning all of them, later those that join.

    `after` counts only among processors of this scope. A package that was already asked for is asked anew, with the
    new parts in it; erasures that wait for it wait for the new one.
    """
    saga = draft.saga
    if saga.needs_package:
        exports = _exports(draft, processors, tokens)
        if exports:
            _package(draft, exports, register_version)
    if saga.right is Right.ERASURE:
        _erasures(draft, processors, tokens)
    elif saga.right not in COPIED:
        begin(draft, processors, tokens)


def _exports(draft: Draft, processors: Sequence[ProcessorRules], tokens: Mapping[str, tuple[str, ...]]) -> list[UUID]:
    """Art. 20 reaches only what rests on consent or a contract: where nothing does, nothing is read."""
    saga = draft.saga
    exports: list[UUID] = []
    stage = stage_of(saga.right, None) if saga.right is Right.PORTABILITY else None
    for rules in processors:
        export = _task(saga, rules, Verb.EXPORT, tokens)
        if stage is not None and concern(rules, stage, None) is not None:
            draft.add(_left_out(draft, export))
            continue
        draft.add(export)
        exports.append(export.id)
    return exports


def begin(draft: Draft, processors: Sequence[ProcessorRules], tokens: Mapping[str, tuple[str, ...]]) -> None:
    """The stage of a right beside access and erasure, at these processors, all at once.

    Where it reaches nothing at a processor, that is on record. Nothing at all is planned where the register knows none
    of the purposes or categories named: more likely a mistake than an answer, so a person has to look.
    """
    saga = draft.saga
    beside: Beside | None = draft.fields.get("beside", saga.beside)
    stage, asked = stage_of(saga.right, beside), None if beside is None else beside.asked
    if not draft.tasks and stage.verbs and unknown([concern(r, stage, asked) for r in processors], asked):
        draft.alert(Code.NOTHING_CONCERNED)
        return
    begun = beside is None or beside.taken_back is None
    for rules in processors:
        if not stage.verbs or not begun or concern(rules, stage, asked) is not None:
            first = stage_of(saga.right, None if beside is None else Beside(asked=asked)).verbs
            if first:
                draft.add(_left_out(draft, _task(saga, rules, first[0], tokens)))
            continue
        carry_out(draft, rules, choose(rules, stage, asked), tokens, look=stage.look)


def carry_out(
    draft: Draft,
    rules: ProcessorRules,
    verb: Verb,
    tokens: Mapping[str, tuple[str, ...]],
    *,
    look: bool = True,
    round_: int = 1,
) -> None:
    """A change at one processor, and the look at it unless the register excepts that."""
    change = _task(draft.saga, rules, verb, tokens, round_=round_)
    draft.add(change)
    if look and rules.unverifiable is None:
        draft.add(_task(draft.saga, rules, Verb.VERIFY, tokens, after=(change.id,), round_=round_))


def go_on(draft: Draft) -> None:
    """The next stage, at the processors that were asked before: a round of its own there."""
    saga = draft.saga
    beside: Beside = draft.fields["beside"]
    stage = stage_of(saga.right, beside)
    if not stage.verbs:
        return
    last: dict[str, Task] = {}
    for task in draft.tasks.values():
        known = last.get(task.processor_id)
        if known is None or task.round > known.round:
            last[task.processor_id] = task
    hold = {t.processor_id for t in draft.tasks.values() if restricted(t)}
    for processor_id, task in last.items():
        if task.status is TaskStatus.NOT_CONCERNED:
            continue
        if stage.whom is Whom.RESTRICTED and processor_id not in hold:
            continue
        tokens = {processor_id: task.tokens}
        verb = choose(task.rules, stage, beside.asked)
        carry_out(draft, task.rules, verb, tokens, look=stage.look, round_=task.round + 1)


def _left_out(draft: Draft, task: Task) -> Task:
    return replace(task, status=TaskStatus.NOT_CONCERNED, settled_at=draft.at)


def _erasures(draft: Draft, processors: Sequence[ProcessorRules], tokens: Mapping[str, tuple[str, ...]]) -> None:
    saga = draft.saga
    joining = {p.processor_id for p in processors}
    package = _newest_package(draft)
    first = () if package is None else (package.id,)
    for rules in processors:
        after = [first_erase(saga, p) for p in rules.after if p in joining or first_erase(saga, p) in draft.tasks]
        erase = _task(saga, rules, Verb.ERASE, tokens, after=(*first, *after))
        draft.add(erase)
        if rules.unverifiable is None:
            draft.add(_task(saga, rules, Verb.VERIFY, tokens, after=(erase.id,)))


def again(draft: Draft, last: Task) -> None:
    """Another round at one processor: looking did not find it changed, or what kept data is over.

    `last`: the look that says so, or the change itself where nobody looks.
    """
    acted = draft.acted(last) if last.verb is Verb.VERIFY else last
    verb = Verb.ERASE if acted is None else acted.verb
    carry_out(draft, last.rules, verb, {last.processor_id: last.tokens}, round_=last.round + 1)


def rounds_of(draft: Draft, look: Task) -> int:
    """How often the change that this look is about was asked of its processor in this saga."""
    if draft.saga.right is Right.ERASURE:
        return look.round
    acted = draft.acted(look)
    return sum(
        acted is not None and t.verb is acted.verb and t.processor_id == look.processor_id for t in draft.tasks.values()
    )


def first_erase(saga: Saga, processor_id: str) -> UUID:
    return make_task_id(saga.id, processor_id, Verb.ERASE.value, 1)


def _newest_package(draft: Draft) -> Task | None:
    packages = [t for t in draft.tasks.values() if t.verb is Verb.PACKAGE]
    return max(packages, key=lambda t: t.round, default=None)


def _package(draft: Draft, exports: Sequence[UUID], register_version: str) -> None:
    old = _newest_package(draft)
    if old is not None and old.status is TaskStatus.BLOCKED:
        draft.put(old, after=(*old.after, *exports))
        return
    rules = package_rules(register_version)
    round_ = 1 if old is None else old.round + 1
    new = _task(draft.saga, rules, Verb.PACKAGE, {}, after=tuple(exports), round_=round_)
    draft.add(new)
    if old is None or old.good:
        return
    draft.put(old, status=TaskStatus.DONE, settled_at=draft.at, due_at=None)
    for task in list(draft.tasks.values()):
        if old.id in task.after:
            draft.put(task, after=tuple(new.id if i == old.id else i for i in task.after))


def _task(
    saga: Saga,
    rules: ProcessorRules,
    verb: Verb,
    tokens: Mapping[str, tuple[str, ...]],
    *,
    after: tuple[UUID, ...] = (),
    round_: int = 1,
) -> Task:
    processor_id = rules.processor_id
    return Task(
        id=make_task_id(saga.id, processor_id, verb.value, round_),
        processor_id=processor_id,
        verb=verb,
        round=round_,
        after=after,
        rules=rules,
        tokens=tokens.get(processor_id, ()),
    )


__all__ = ["MAX_ROUNDS", "PACKAGE_PROCESSOR", "again", "extend", "first_erase"]
