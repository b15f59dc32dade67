"""A bus in memory around the participant's SDK, which fails on demand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from lethe_events import Envelope, Record, TaskAcknowledged, decode, encode
from lethe_events.subject_token import subject_token
from lethe_events.words import Right, Verb
from lethe_participant import Participant, Settings, Task
from lethe_participant.wire import Incoming

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

KEY = b"k" * 32
NOW = datetime(2026, 5, 1, tzinfo=UTC)
NAMESPACE = UUID("00000000-0000-4000-8000-000000000000")
TOKEN = subject_token(KEY, "email", "nadia.petrova@mail.example")


def task(name: str = "nadia", *, verb: Verb = Verb.ERASE, attempt: int = 1, processor: str = "warehouse") -> Task:
    return Task(
        task_id=uuid5(NAMESPACE, f"{name}/{verb}"),
        dsr_id=uuid5(NAMESPACE, name),
        subject_ref=uuid5(NAMESPACE, f"ref/{name}"),
        controller_id="acme",
        processor_id=processor,
        right=Right.ERASURE,
        verb=verb,
        attempt=attempt,
        register_version="0" * 64,
        due_at=NOW,
        subject_tokens=(TOKEN,),
    )


def incoming(body: Task, *, traceparent: str | None = None) -> Incoming:
    envelope = Envelope(
        id=uuid5(NAMESPACE, f"m/{body.task_id}/{body.attempt}"),
        source="/orchestrator",
        time=NOW,
        correlation_id=body.dsr_id,
        causation_id=None,
        traceparent=traceparent,
    )
    record = encode("t", str(body.dsr_id), body, envelope)
    return Incoming(record.headers, record.value, "t/0/0")


class Bus:
    """Gives batches again until they are committed, as Kafka does; `failures` are raised by the next publishes."""

    def __init__(self, *batches: Sequence[Incoming]) -> None:
        self.batches = list(batches)
        self.published: list[Record] = []
        self.log: list[str] = []
        self.failures: list[Exception] = []
        self.commit_failures: list[Exception] = []
        self.participant: Participant | None = None

    async def poll(self) -> list[Incoming]:
        await asyncio.sleep(0)
        if self.batches:
            return list(self.batches[0])
        if self.participant is not None:
            self.participant.stop()
        return []

    async def publish(self, records: Sequence[Record]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.log.append(f"publish {len(records)}")
        self.published.extend(records)

    async def commit(self) -> None:
        if self.commit_failures:
            raise self.commit_failures.pop(0)
        self.log.append("commit")
        self.batches.pop(0)

    async def reset(self) -> None:
        self.log.append("reset")

    async def close(self) -> None:
        self.log.append("close")

    @property
    def acks(self) -> list[TaskAcknowledged]:
        found = [decode(r.headers, r.value).body for r in self.published]
        return [b for b in found if isinstance(b, TaskAcknowledged)]


def taking_part(bus: Bus, *, transport: httpx.AsyncBaseTransport | None = None, **settings: Any) -> Participant:
    made = Participant(
        Settings("unused", parts_url="http://parts.example", token="t0ken", **settings),
        processor_id="warehouse",
        controller_id="acme",
        token_key=KEY,
        transport=transport,
        wire=bus,
        clock=lambda: NOW,
    )
    bus.participant = made
    return made
