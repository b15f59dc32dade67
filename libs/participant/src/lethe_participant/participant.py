"""Takes part as a Kafka-native processor: tasks in, acknowledgements out, subject events when data appears."""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from lethe_events import (
    ConsentChanged,
    ConsentState,
    ContractError,
    Envelope,
    SubjectObserved,
    TaskRequested,
    decode,
    encode,
)
from lethe_events.ids import uuid7
from lethe_events.subject_token import normalise, subject_token
from lethe_events.topics import SUBJECT_EVENTS, tasks_of
from lethe_events.words import SubjectEventKind, Verb
from lethe_participant.acks import acknowledge, bring_parts
from lethe_participant.errors import KafkaDown
from lethe_participant.handlers import Handlers
from lethe_participant.parts import Parts
from lethe_participant.wire import KafkaWire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self
    from uuid import UUID

    import httpx

    from lethe_events import Received, Record
    from lethe_participant.handlers import Many, Single
    from lethe_participant.settings import Settings
    from lethe_participant.wire import Incoming, Wire

_log = logging.getLogger(__name__)
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 0.5


class _Asked(NamedTuple):
    received: Received
    task: TaskRequested


class Participant:
    """One per process; several processes of one processor share the work by Kafka's partitions.

    `token_key`: at least 32 bytes, made by Lethe for this processor alone. `transport` and `wire` are for tests.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        processor_id: str,
        controller_id: str,
        token_key: bytes,
        transport: httpx.AsyncBaseTransport | None = None,
        wire: Wire | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._processor_id = processor_id
        self._controller_id = controller_id
        self._token_key = token_key
        self._clock = clock
        self._handlers = Handlers(settings)
        self._parts = Parts(settings, transport)
        topic = tasks_of(processor_id).name
        self._wire = wire or KafkaWire(settings, topic=topic, group=f"lethe-{processor_id}")
        self._stopped = asyncio.Event()
        self.connected = False
        """Whether Kafka answered the last time it was asked; for a readiness check."""

    # handlers ---------------------------------------------------------------------------------------------------

    def erase(self, function: Single) -> Single:
        """Erase the people of one task; called again for the same task it must end as if called once."""
        return self._one(Verb.ERASE, function)

    def erase_batch(self, function: Many) -> Many:
        return self._many(Verb.ERASE, function)

    def export(self, function: Single) -> Single:
        """Read everything about the people of one task."""
        return self._one(Verb.EXPORT, function)

    def export_batch(self, function: Many) -> Many:
        return self._many(Verb.EXPORT, function)

    def verify(self, function: Single) -> Single:
        """Look whether anything is left, in another way than `erase` deleted."""
        return self._one(Verb.VERIFY, function)

    def verify_batch(self, function: Many) -> Many:
        return self._many(Verb.VERIFY, function)

    def rectify(self, function: Single) -> Single:
        """Correct data (Art. 16). Corrections are sealed: their values are not in the task."""
        return self._one(Verb.RECTIFY, function)

    def rectify_batch(self, function: Many) -> Many:
        return self._many(Verb.RECTIFY, function)

    def restrict(self, function: Single) -> Single:
        """Keep, and keep away from ordinary use (Art. 18); `task.purposes` may go on. Declare `lift` as well."""
        return self._one(Verb.RESTRICT, function)

    def restrict_batch(self, function: Many) -> Many:
        return self._many(Verb.RESTRICT, function)

    def lift(self, function: Single) -> Single:
        """End a restriction; exactly what it restricted is in use again."""
        return self._one(Verb.LIFT, function)

    def lift_batch(self, function: Many) -> Many:
        return self._many(Verb.LIFT, function)

    def suppress(self, function: Single) -> Single:
        """Stop processing for `task.purposes` (Art. 21, 7(3))."""
        return self._one(Verb.SUPPRESS, function)

    def suppress_batch(self, function: Many) -> Many:
        return self._many(Verb.SUPPRESS, function)

    def _one(self, verb: Verb, function: Single) -> Single:
        self._handlers.add(verb, single=function)
        return function

    def _many(self, verb: Verb, function: Many) -> Many:
        self._handlers.add(verb, many=function)
        return function

    # subject events ---------------------------------------------------------------------------------------------

    def token_for(self, kind: str, value: str) -> str:
        """How tasks will name the person who has this identifier; `kind` as in the register, for example `email`."""
        return subject_token(self._token_key, kind, normalise(kind, value))

    def event(
        self, kind: SubjectEventKind | str, token: str, *, categories: Iterable[str] = (), at: datetime | None = None
    ) -> SubjectObserved:
        """Data of a person was created, updated, erased or restored here."""
        return SubjectObserved(
            processor_id=self._processor_id,
            controller_id=self._controller_id,
            subject_token=token,
            kind=SubjectEventKind(kind),
            categories=tuple(categories),
            at=at or self._clock(),
        )

    def consent(
        self,
        token: str,
        purpose: str,
        state: ConsentState | str,
        *,
        said_by: str,
        dsr_id: UUID | None = None,
        at: datetime | None = None,
    ) -> ConsentChanged:
        """A person gave a consent or took it back here (Art. 7). `purpose` and `said_by` are codes.

        A withdrawal concerns everybody who processes for that purpose: submit a request for it at intake, and give its
        `dsr_id`. Without one, a person is asked to.
        """
        return ConsentChanged(
            processor_id=self._processor_id,
            controller_id=self._controller_id,
            subject_token=token,
            purpose=purpose,
            state=ConsentState(state),
            said_by=said_by,
            at=at or self._clock(),
            dsr_id=dsr_id,
        )

    async def emit(self, *events: SubjectObserved | ConsentChanged) -> None:
        """Publish events; returns when Kafka has them, raises KafkaDown if it has not. Emitting again is harmless."""
        now = self._clock()
        records = []
        for event in events:
            id_ = uuid7(now, os.urandom(10))
            envelope = Envelope(
                id=id_, source=f"/{self._processor_id}", time=now, correlation_id=id_, causation_id=None
            )
            records.append(encode(SUBJECT_EVENTS.name, event.subject_token, event, envelope))
        await self._wire.publish(records)

    # the loop ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Take tasks until `stop`. Connects again by itself, for ever; raises only for programming errors."""
        pause = _FIRST_PAUSE
        try:
            while not self._stopped.is_set():
                try:
                    await self._round()
                    self.connected = True
                    pause = _FIRST_PAUSE
                except KafkaDown as error:
                    self.connected = False
                    _log.warning("kafka_down", extra={"processor_id": self._processor_id, "reason": str(error)})
                    await self._wire.reset()
                    await self._sleep(pause)
                    pause = min(_LONGEST_PAUSE, pause * 2)
        finally:
            await self.close()

    def stop(self) -> None:
        """Let `run` return once the tasks in hand are acknowledged and committed."""
        self._stopped.set()

    async def close(self) -> None:
        """Close the connections; for a service that only emits. May be called twice."""
        await self._wire.close()
        await self._parts.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    async def _round(self) -> None:
        incoming = await self._wire.poll()
        if not incoming:
            return
        asked = self._read(incoming)
        if asked:
            # acknowledged first, committed then: a crash in between brings the tasks again, and never loses one
            await self._wire.publish(await self._work(asked))
        await self._wire.commit()

    def _read(self, incoming: Sequence[Incoming]) -> list[_Asked]:
        """The tasks among the records, each once, with its newest attempt; what cannot be read stops nothing."""
        newest: dict[object, _Asked] = {}
        for record in incoming:
            try:
                received = decode(record.headers, record.value)
            except ContractError as error:
                _log.error("message_unreadable", extra={"place": record.place, "code": error.code})
                continue
            task = received.body
            if not isinstance(task, TaskRequested) or task.processor_id != self._processor_id:
                _log.error("message_not_ours", extra={"place": record.place, "type": received.type})
                continue
            known = newest.get(task.task_id)
            if known is None or known.task.attempt <= task.attempt:
                newest[task.task_id] = _Asked(received, task)
        return list(newest.values())

    async def _work(self, asked: Sequence[_Asked]) -> list[Record]:
        by_verb: dict[Verb, list[_Asked]] = {}
        for one in asked:
            by_verb.setdefault(one.task.verb, []).append(one)
        done = await asyncio.gather(*[self._work_verb(verb, group) for verb, group in by_verb.items()])
        return [record for records in done for record in records]

    async def _work_verb(self, verb: Verb, asked: Sequence[_Asked]) -> list[Record]:
        tasks = [one.task for one in asked]
        results = await self._handlers.answer(verb, tasks)
        brought = await bring_parts(self._parts, tasks, results, at_once=self._settings.concurrency)
        now = self._clock()
        return [
            acknowledge(one.received, one.task, result, part, now)
            for one, (result, part) in zip(asked, brought, strict=True)
        ]
