"""What a legal hold does to a task: stop it, or withhold categories from it. GDPR Art. 17(3)(b), (e), 18(1)(c).

A hold without categories stops the whole erasure. One with categories is handed to the worker, so that everything else
is erased; a processor that cannot erase around them is stopped as a whole where it holds any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_events.words import Verb
from orchestrator.domain.beside import Withheld
from orchestrator.domain.rules import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from orchestrator.domain.beside import Beside, Hold
    from orchestrator.domain.rules import ProcessorRules
    from orchestrator.domain.saga import Task


def stopped(beside: Beside | None, task: Task) -> bool:
    """Whether a hold in force keeps this task from being asked at all: it stops erasures and nothing else."""
    if beside is None or task.verb is not Verb.ERASE:
        return False
    return any(_in_force(hold, task) and _whole(hold, task.rules) for hold in beside.holds)


def broken(beside: Beside | None, task: Task) -> bool:
    """Whether carrying out this task as it was asked breaks a hold in force."""
    if beside is None or task.verb is not Verb.ERASE:
        return False
    return stopped(beside, task) or not set(to_withhold(beside, task)) <= set(pinned(beside, task.id))


def to_withhold(beside: Beside, task: Task) -> tuple[str, ...]:
    """The categories that an erasure asked now has to leave where they are."""
    return tuple(
        sorted(
            {
                category
                for hold in beside.holds
                if _in_force(hold, task) and not _whole(hold, task.rules)
                for category in hold.categories
                if touches((category,), task.rules.categories)
            }
        )
    )


def pinned(beside: Beside | None, task_id: UUID) -> tuple[str, ...]:
    """The categories that were withheld from an erasure when it was asked last."""
    if beside is None:
        return ()
    return next((w.categories for w in beside.withheld if w.task_id == task_id), ())


def withheld_from(beside: Beside | None, task: Task) -> tuple[str, ...]:
    """What the message says: a look carries what the erasure that it looks at carried, or it would refute it."""
    if beside is None or not beside.withheld or task.verb not in (Verb.ERASE, Verb.VERIFY):
        return ()
    if task.verb is Verb.ERASE:
        return pinned(beside, task.id)
    return pinned(beside, task.after[0]) if task.after else ()


def pin(beside: Beside, task: Task) -> Beside:
    """An erasure is about to be asked: with what is withheld from it. The same where that has not changed."""
    now = to_withhold(beside, task)
    if now == pinned(beside, task.id):
        return beside
    others = tuple(w for w in beside.withheld if w.task_id != task.id)
    more = (Withheld(task.id, now),) if now else ()
    return replace(beside, withheld=(*others, *more))


def touches(held: Iterable[str], categories: tuple[str, ...]) -> bool:
    """Whether a processor holds any of these categories, or part of one. One that names none may hold anything."""
    if not categories:
        return True
    return any(h == c or h.startswith(c + ".") or c.startswith(h + ".") for h in held for c in categories)


def _in_force(hold: Hold, task: Task) -> bool:
    return hold.in_force and hold.covers(task.processor_id)


def _whole(hold: Hold, rules: ProcessorRules) -> bool:
    """Only SQL databases are erased category by category."""
    if not hold.categories:
        return True
    return rules.reach is not Reach.SQL and touches(hold.categories, rules.categories)
