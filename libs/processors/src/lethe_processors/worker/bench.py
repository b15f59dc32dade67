"""Carries out the tasks of one batch: what cannot be done is answered, the rest is redeemed and given to `act`."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lethe_events.models import Failure
from lethe_events.words import FailureKind, Outcome, Verb
from lethe_processors.connector import Answer, WorkItem
from lethe_processors.errors import CredentialMissing, NoConnector
from lethe_processors.verbs import looked_after
from lethe_processors.worker.admission import admit, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from uuid import UUID

    from lethe_events.models import TaskRequested
    from lethe_processors.connector import Connector
    from lethe_processors.register import Processor, Register
    from lethe_processors.worker.connectors import Connectors

_log = logging.getLogger(__name__)


class Opened(NamedTuple):
    """What the vault gave: identifiers by DSR, and the DSRs whose sealed data is not what was sealed.

    `corrections`: by DSR, where some were sealed.
    """

    identifiers: Mapping[UUID, Mapping[str, tuple[str, ...]]]
    tampered: Collection[UUID] = ()
    corrections: Mapping[UUID, Mapping[str, object]] = MappingProxyType({})


class Registers(Protocol):
    """Where the register comes from."""

    def current(self) -> Register:
        """The newest readable register; looks whether its files changed."""
        ...


class Act(Protocol):
    """The worker's own part: what to do with items that can be done. One answer per item, same order."""

    def __call__(
        self, processor: Processor, connector: Connector, items: Sequence[WorkItem], /
    ) -> Awaitable[Sequence[Answer]]: ...


class Bench:
    """`redeem` records and opens identifiers for tasks, in one call per batch.

    `guard` may refuse a processor before it is connected, by giving the answer to all its tasks.
    """

    def __init__(
        self,
        registers: Registers,
        redeem: Callable[[Sequence[TaskRequested]], Awaitable[Opened]],
        connectors: Connectors,
        *,
        verbs: Collection[Verb],
        guard: Callable[[Processor], Answer | None] = lambda _: None,
    ) -> None:
        self._registers = registers
        self._redeem = redeem
        self._connectors = connectors
        self._verbs = frozenset(verbs)
        self._guard = guard

    async def carry_out(self, processor_id: str, tasks: Sequence[TaskRequested], act: Act) -> list[Answer]:
        """One answer per task, same order. Identifiers live as long as this call."""
        processor = self._registers.current().processors.get(processor_id)
        answers = [refuse(task, processor, self._verbs) for task in tasks]
        refused = None if processor is None else self._guard(processor)
        if processor is not None and refused is None:
            open_ = [i for i, answer in enumerate(answers) if answer is None]
            if open_:
                for i, answer in zip(open_, await self._do(processor, [tasks[i] for i in open_], act), strict=True):
                    answers[i] = answer
        elif refused is not None:
            answers = [refused if answer is None else answer for answer in answers]
        return [answer for answer in answers if answer is not None]

    async def _do(self, processor: Processor, tasks: Sequence[TaskRequested], act: Act) -> list[Answer]:
        opened = await self._redeem(tasks)
        answers: list[Answer | None] = []
        items: list[WorkItem] = []
        for task in tasks:
            identifiers = opened.identifiers.get(task.dsr_id)
            answers.append(admit(task, processor, identifiers, tampered=task.dsr_id in opened.tampered))
            if answers[-1] is None and identifiers is not None:
                items.append(WorkItem(task, identifiers, _corrections(task, opened)))
        done = iter(await self._act(processor, items, act) if items else ())
        return [next(done) if answer is None else answer for answer in answers]

    async def _act(self, processor: Processor, items: Sequence[WorkItem], act: Act) -> Sequence[Answer]:
        try:
            async with self._connectors.use(processor) as connector:
                answers = await act(processor, connector, items)
        except (CredentialMissing, NoConnector) as error:
            code = "credential_missing" if isinstance(error, CredentialMissing) else "no_connector"
            _log.error(code, extra={"processor_id": processor.id, "reason": str(error)})
            needs_person = Answer(Outcome.NEEDS_PERSON, failure=Failure(kind=FailureKind.PERMANENT, code=code))
            return [needs_person] * len(items)
        if len(answers) != len(items):
            raise ValueError("a connector gave another number of answers than it was asked for")
        return answers


def _corrections(task: TaskRequested, opened: Opened) -> Mapping[str, object]:
    """Only for whoever corrects, and whoever looks whether it was done."""
    verb = looked_after(task) if task.verb is Verb.VERIFY else task.verb
    return opened.corrections.get(task.dsr_id, {}) if verb is Verb.RECTIFY else {}
