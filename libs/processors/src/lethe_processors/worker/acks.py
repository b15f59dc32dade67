"""From the answer of a processor to the acknowledgement on the bus. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.acks import ack_record
from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Evidence, TaskAcknowledged
from lethe_processors.runner.answers import to_value

if TYPE_CHECKING:
    from lethe_events import Record
    from lethe_processors.connector import Answer
    from lethe_processors.runner import Settled

CALLED_BACK = "vendor_called_back"
"""Kind of evidence: the processor had promised, and has said since how it ended."""


def acknowledge(settled: Settled, *, register_version: str, source: str, traceparent: str | None = None) -> Record:
    """The acknowledgement of a settled task. The same task, attempt and answer give the same bytes, at any time.

    `register_version`: what this worker has loaded; told only where it differs from the task's.
    """
    task, answer, at = settled
    ack = TaskAcknowledged(
        task_id=task.task_id,
        dsr_id=task.dsr_id,
        controller_id=task.controller_id,
        processor_id=task.processor_id,
        verb=task.verb,
        attempt=task.attempt,
        outcome=answer.outcome,
        grade=answer.grade,
        at=at,
        counts=answer.counts,
        retained=answer.retained,
        expected_by=answer.expected_by,
        failure=answer.failure,
        part=answer.part,
        evidence=(*answer.evidence, _of_answer(answer)),
        register_version=None if register_version == task.register_version else register_version,
    )
    return ack_record(
        ack,
        source=source,
        correlation_id=task.dsr_id,
        causation_id=task.task_id,
        traceparent=traceparent,
        kept_promise=any(evidence.kind == CALLED_BACK for evidence in answer.evidence),
    )


def _of_answer(answer: Answer) -> Evidence:
    """A hash over the whole answer; the answer itself stays in the worker's row of the task and can be produced."""
    stored = to_value(answer)
    stored.pop("retry_after", None)
    return Evidence(kind="stored_answer", sha256=sha256_hex(canonical(stored)))
