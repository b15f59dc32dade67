"""Scope and order: which processors are asked for what, and what has to come first. GDPR Art. 15(1), 17(1), 19.

access    export at each → package
erasure   erase at each (after the register's `after`) → verify at each, unless verification is excepted
both      export at each → package → erase …: nothing is erased unless the package is there
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.ids import task_id as make_task_id
from lethe_events.words import PACKAGE_PROCESSOR, Right, Verb
from orchestrator.domain.rules import package_rules
from orchestrator.domain.saga import Saga, Task
from orchestrator.domain.words import TaskStatus

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
    exports: list[UUID] = []
    if saga.needs_package:
        for rules in processors:
            export = _task(saga, rules, Verb.EXPORT, tokens)
            draft.add(export)
            exports.append(export.id)
        _package(draft, exports, register_version)
    if saga.right is Right.ERASURE:
        _erasures(draft, processors, tokens)


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


def again(draft: Draft, refuted: Task) -> None:
    """Another round of erasing and looking at one processor: data was left, or what kept it is over."""
    round_ = refuted.round + 1
    tokens = {refuted.processor_id: refuted.tokens}
    erase = _task(draft.saga, refuted.rules, Verb.ERASE, tokens, round_=round_)
    draft.add(erase)
    if refuted.rules.unverifiable is None:
        draft.add(_task(draft.saga, refuted.rules, Verb.VERIFY, tokens, after=(erase.id,), round_=round_))


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
