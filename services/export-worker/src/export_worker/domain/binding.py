"""Whether an uploaded part belongs to the processor that uploads it.

The worker never sees the tasks of Kafka-native processors. It does not have to: a task id is derived from the DSR,
the processor and the verb, so a processor that names its DSR can only ever produce its own task ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.ids import task_id as id_of
from lethe_events.words import Verb

if TYPE_CHECKING:
    from uuid import UUID

MAX_ROUNDS = 8


def is_export_task_of(task_id: UUID, dsr_id: UUID, processor_id: str) -> bool:
    """Whether `task_id` is an export task of this DSR for this processor, in any of the first rounds."""
    return any(task_id == id_of(dsr_id, processor_id, Verb.EXPORT.value, round_) for round_ in range(1, MAX_ROUNDS + 1))
