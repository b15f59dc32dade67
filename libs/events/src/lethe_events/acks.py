"""An acknowledgement on its way to the bus: one form for every worker and every Kafka-native processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lethe_events.envelope import Envelope, encode
from lethe_events.ids import message_id
from lethe_events.topics import ACKS

if TYPE_CHECKING:
    from uuid import UUID

    from lethe_events.envelope import Record
    from lethe_events.models import TaskAcknowledged

_ANSWER: Final = 0  # the kinds of messages that an attempt at a task gives rise to; part of their ids
_KEPT_PROMISE: Final = 1


def ack_record(
    ack: TaskAcknowledged,
    *,
    source: str,
    correlation_id: UUID,
    causation_id: UUID,
    traceparent: str | None = None,
    kept_promise: bool = False,
) -> Record:
    """Keyed by the saga, in whose order acks are taken.

    The same task and attempt give the same message id: never change that, by it a repeat is known. An attempt may be
    promised once and answered once: `kept_promise` marks the second. Raises as `encode`.
    """
    envelope = Envelope(
        id=message_id(ack.task_id, ack.attempt, _KEPT_PROMISE if kept_promise else _ANSWER),
        source=source,
        time=ack.at,
        correlation_id=correlation_id,
        causation_id=causation_id,
        traceparent=traceparent,
    )
    return encode(ACKS.name, str(ack.dsr_id), ack, envelope)
