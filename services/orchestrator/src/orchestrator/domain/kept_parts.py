"""Parts that the law keeps until a date: then they are erased without anyone asking. GDPR Art. 17(1)(a), (3)(b).

The request was answered (partially granted, Art. 12(4)) and its clock has stopped; what is left is the controller's own
duty to erase what is no longer necessary (Art. 5(1)(e)). So no new request is made up: the saga goes on where it
stopped, with a new round of erasing and looking, and closes again with a further certificate.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lethe_events.words import Outcome, Verb
from orchestrator.domain.beside import Beside, Reopening
from orchestrator.domain.certificate import kept
from orchestrator.domain.decision import Ignored, Verdictless
from orchestrator.domain.holding import pinned, stopped, to_withhold
from orchestrator.domain.plan import again

if TYPE_CHECKING:
    from datetime import datetime

    from lethe_events import Retained
    from orchestrator.domain.draft import Draft
    from orchestrator.domain.hold_events import KeptPartDue
    from orchestrator.domain.saga import Saga, Task

DUE = "kept_until"
AGAIN = timedelta(days=1)
"""A part that is still kept although its date has passed is tried again no sooner than this."""


def dated(saga: Saga) -> list[tuple[str, Retained, datetime]]:
    """What is kept until a date, by processor; nothing for a request that ended: nobody asks for its erasure."""
    if saga.beside is not None and saga.beside.ended is not None:
        return []
    if not any(t.answer is not None and t.answer.outcome is Outcome.RETAINED for t in saga.tasks.values()):
        return []
    return [(processor_id, row, row.until) for processor_id, row in kept(saga) if row.until is not None]


def due_at(saga: Saga) -> datetime | None:
    """When the first kept part of a closed saga is to be erased; None where nothing has a date."""
    closed_at, beside = saga.closed_at, saga.beside
    if closed_at is None or saga.shredded_at is not None:
        return None
    overdue = closed_at + AGAIN if beside is not None and beside.reopened else closed_at
    return min((until if until > closed_at else overdue for _, _, until in dated(saga)), default=None)


def forget_at(saga: Saga, retention: timedelta) -> datetime | None:
    """When the data key of a closed saga may be destroyed: not before what is kept or held can have been erased.

    None: not by the clock, because a hold that nobody has lifted keeps something from being erased.
    """
    assert saga.closed_at is not None, "an open saga needs its identifiers"
    if _withheld(saga):
        return None
    last = max((until for _, _, until in dated(saga)), default=saga.closed_at)
    return max(saga.closed_at, last) + retention


def come_due(draft: Draft, event: KeptPartDue) -> Verdictless:
    """Erase and look anew at each processor that kept something until now."""
    saga = draft.saga
    first = due_at(saga)
    if first is None or event.at < first:
        return Ignored("nothing that was kept is due: it was erased, or its date moved")
    rules = {r.processor_id: r for r in event.processors}
    names = dict.fromkeys(p for p, _, until in dated(saga) if until <= event.at)
    beside = saga.beside or Beside()
    reopened = (*beside.reopened, Reopening(event.at, DUE, tuple(names)))
    draft.fields |= {"beside": replace(beside, reopened=reopened), "closed_at": None}
    draft.tell = True
    for processor_id in names:
        last = saga.latest(processor_id, Verb.VERIFY) or saga.latest(processor_id, Verb.ERASE)
        assert last is not None, "what it keeps was told by one of them"
        again(draft, replace(last, rules=rules.get(processor_id, last.rules)))
    return None


def overdue(saga: Saga) -> list[tuple[str, Retained]]:
    """What is still kept in a saga that was opened anew to erase it: its processor's rule and clock have to be seen."""
    if saga.closed_at is None or saga.beside is None or not saga.beside.reopened:
        return []
    return [(p, row) for p, row, until in dated(saga) if until <= saga.closed_at]


def _withheld(saga: Saga) -> bool:
    beside = saga.beside
    if beside is None or not beside.withheld or beside.ended is not None:
        return False
    return any(_held_back(beside, saga.tasks.get(w.task_id)) for w in beside.withheld)


def _held_back(beside: Beside, erase: Task | None) -> bool:
    if erase is None:
        return False
    return stopped(beside, erase) or bool(set(pinned(beside, erase.id)) & set(to_withhold(beside, erase)))


def processors_due(saga: Saga, now: datetime) -> tuple[str, ...]:
    """Of whom the register has to be asked before the event is made."""
    return tuple(dict.fromkeys(p for p, _, until in dated(saga) if until <= now))


def rows_of(saga: Saga) -> list[tuple[str, Retained]]:
    """Every kept part, those without a date too."""
    if not any(t.answer is not None and t.answer.outcome is Outcome.RETAINED for t in saga.tasks.values()):
        return []
    return kept(saga)


def number_of(saga: Saga) -> int:
    """Which closing of this saga it is, from 1 on."""
    return 1 if saga.beside is None else 1 + len(saga.beside.reopened)
