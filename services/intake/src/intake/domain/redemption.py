"""Which tasks a processor may redeem identifiers for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.ids import task_id
from lethe_events.words import Verb

if TYPE_CHECKING:
    from uuid import UUID

MAX_ROUND = 16
"""Rounds that are tried; a saga asks a processor to erase at most a few times before a person looks at it."""
_VERBS = (Verb.ERASE, Verb.EXPORT, Verb.VERIFY)


def is_task_of(processor_id: str, dsr_id: UUID, task: UUID) -> bool:
    """Whether `task` is one that this processor could have been given in this DSR: task ids are derived from both."""
    return any(
        task_id(dsr_id, processor_id, verb.value, round_) == task
        for round_ in range(1, MAX_ROUND + 1)
        for verb in _VERBS
    )
