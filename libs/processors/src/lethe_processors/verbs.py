"""Which tasks change data, and which of them a look is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.ids import task_id
from lethe_events.words import Right, Verb

if TYPE_CHECKING:
    from lethe_events.models import TaskRequested

CHANGES = frozenset({Verb.ERASE, Verb.RECTIFY, Verb.RESTRICT, Verb.LIFT, Verb.SUPPRESS})

_OF_RIGHT = {
    Right.RECTIFICATION: Verb.RECTIFY,
    Right.RESTRICTION: Verb.RESTRICT,
    Right.OBJECTION: Verb.SUPPRESS,
    Right.CONSENT_WITHDRAWAL: Verb.SUPPRESS,
}


def looked_after(look: TaskRequested) -> Verb:
    """The verb whose effect a verify task looks at: that of the task it names, whose id says it, else of its right."""
    for round_ in range(look.round, 0, -1):
        for verb in CHANGES:
            if look.verifies == task_id(look.dsr_id, look.processor_id, verb.value, round_):
                return verb
    return _OF_RIGHT.get(look.right, Verb.ERASE)
