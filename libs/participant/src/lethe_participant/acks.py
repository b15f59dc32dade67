"""From a handler's result to the acknowledgement on the bus."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from lethe_events import TaskAcknowledged
from lethe_events.acks import ack_record
from lethe_events.models import Count
from lethe_events.words import Method, Outcome
from lethe_participant.errors import PartNotTaken
from lethe_participant.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lethe_events import Received, Record
    from lethe_events.models import ExportPart, TaskRequested
    from lethe_participant.parts import Parts

_log = logging.getLogger(__name__)


async def bring_parts(
    parts: Parts, tasks: Sequence[TaskRequested], results: Sequence[Result], *, at_once: int
) -> list[tuple[Result, ExportPart | None]]:
    """Upload what the results hold; a part that was not taken makes its own task fail and no other."""
    if all(result.records is None for result in results):
        return [(result, None) for result in results]
    slots = asyncio.Semaphore(at_once)

    async def bring(task: TaskRequested, result: Result) -> tuple[Result, ExportPart | None]:
        if result.records is None:
            return result, None
        async with slots:
            try:
                part, rows = await parts.put(task, result.records, result.masked)
            except PartNotTaken as error:
                return (Result.retry if error.transient else Result.failed)(error.code), None
            except Exception as error:  # noqa: BLE001 - records are the service's: reading them can raise anything
                _log.error("records_failed", extra={"error": type(error).__qualname__})  # its text may name people
                return Result.retry("records_error"), None
        counts = tuple(Count(collection=c, method=Method.EXPORTED, rows=n) for c, n in rows.items())
        outcome = Outcome.DONE if part.records else Outcome.NOTHING_FOUND
        return replace(result, outcome=outcome, counts=counts), part

    return await asyncio.gather(*[bring(*pair) for pair in zip(tasks, results, strict=True)])


def acknowledge(
    received: Received, task: TaskRequested, result: Result, part: ExportPart | None, at: datetime
) -> Record:
    """The acknowledgement of one task. The same task and attempt give the same message id, so a repeat is known."""
    ack = TaskAcknowledged(
        task_id=task.task_id,
        dsr_id=task.dsr_id,
        controller_id=task.controller_id,
        processor_id=task.processor_id,
        verb=task.verb,
        attempt=task.attempt,
        outcome=result.outcome,
        grade=result.grade,
        at=at,
        counts=result.counts,
        retained=result.retained,
        expected_by=result.expected_by,
        failure=result.failure,
        part=part,
    )
    return ack_record(
        ack,
        source=f"/{task.processor_id}",
        correlation_id=received.envelope.correlation_id,
        causation_id=received.envelope.id,
        traceparent=received.envelope.traceparent,
    )
