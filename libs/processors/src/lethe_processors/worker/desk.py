"""Where tasks come in from the bus and acknowledgements go out, each in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from lethe_events.models import TaskRequested
from lethe_processors.worker.acks import acknowledge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from lethe_events import Received, Record
    from lethe_postgres import Tx
    from lethe_processors.runner import JobQueue, Settled


class Delivered(Protocol):
    """A message as the bus delivers it."""

    @property
    def received(self) -> Received: ...


M = TypeVar("M", bound=Delivered)
M_contra = TypeVar("M_contra", bound=Delivered, contravariant=True)


class UnitOfWork(Protocol[M_contra]):
    """A transaction with what it sends and puts aside."""

    tx: Tx

    def send(self, records: Iterable[Record]) -> None: ...

    def park(self, message: M_contra, code: str, detail: str) -> None: ...


class Desk(Generic[M]):
    """`on_settled` writes what else belongs into the transaction that ends tasks, for example a ledger.

    `promised` is told what was settled before it, and gives tasks whose promised end has come already.
    """

    def __init__(
        self,
        queue: JobQueue,
        work: Callable[[], AbstractAsyncContextManager[UnitOfWork[M]]],
        *,
        register_version: Callable[[], str],
        source: str,
        on_settled: Callable[[Tx, Sequence[Settled]], Awaitable[None]] | None = None,
        promised: Callable[[Tx, Sequence[Settled]], Awaitable[Sequence[Settled]]] | None = None,
    ) -> None:
        self._queue = queue
        self._work = work
        self._register_version = register_version
        self._source = source
        self._on_settled = on_settled
        self._promised = promised

    async def accept(self, work: UnitOfWork[M], messages: Sequence[M]) -> None:
        """Handler of a task topic: take what is new, ack again what is settled, put aside what is no task."""
        tasks: list[TaskRequested] = []
        for message in messages:
            body = message.received.body
            if isinstance(body, TaskRequested):
                tasks.append(body)
            else:
                work.park(message, "not_a_task", f"{message.received.type} does not belong on this topic")
        work.send(self._acks(await self._queue.accept(work.tx, tasks)))

    async def settle(self, write: Callable[[Tx], Awaitable[Sequence[Settled]]], /) -> None:
        """Given to the runners: end tasks and send their acks in one transaction."""
        async with self._work() as work:
            settled = await write(work.tx)
            if self._promised is not None and any(one.answer.awaits for one in settled):
                settled = [*settled, *await self._promised(work.tx, settled)]
            if settled and self._on_settled is not None:
                await self._on_settled(work.tx, settled)
            work.send(self._acks(settled))

    def _acks(self, settled: Sequence[Settled]) -> list[Record]:
        version = self._register_version()
        return [acknowledge(one, register_version=version, source=self._source) for one in settled]
