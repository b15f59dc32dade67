"""Going on where something was erased around a hold that is over. GDPR Art. 17(1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import Verb
from orchestrator.domain.holding import pinned, stopped, to_withhold
from orchestrator.domain.plan import again

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.beside import Beside
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.saga import Task


def resume_withheld(draft: Draft) -> None:
    """Another round at each processor that erased around something which is no longer held."""
    beside: Beside | None = draft.fields.get("beside", draft.saga.beside)
    if beside is None:
        return
    for task in freed(beside, draft.tasks.values(), draft):
        again(draft, task)


def freed(beside: Beside, tasks: Iterable[Task], draft: Draft) -> list[Task]:
    """Of finished rounds, the task to go on from, where more was withheld than is held now."""
    known = {t.id: t for t in tasks}
    found: list[Task] = []
    for withheld in beside.withheld:
        erase = known.get(withheld.task_id)
        if erase is None or not erase.good or draft.superseded(erase):
            continue
        look = draft.sibling(erase, Verb.VERIFY)
        if (look is None or look.settled) and not set(withheld.categories) <= set(_still(beside, erase)):
            found.append(look or erase)
    return found


def _still(beside: Beside, erase: Task) -> tuple[str, ...]:
    """What is withheld now; where everything is stopped meanwhile, that round would be stopped too."""
    return pinned(beside, erase.id) if stopped(beside, erase) else to_withhold(beside, erase)
