"""A unit of work: one transaction, what it sends, what it parks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lethe_messaging.errors import RecordTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lethe_events import Headers, Record
    from lethe_messaging.messages import Message
    from lethe_messaging.outbox import Chunk
    from lethe_postgres import Tx

MAX_VALUE = 900_000
"""Bytes of one record's value; brokers refuse a batch above 1 MiB by default."""


class Parked(NamedTuple):
    """A message put aside, with the reason. `detail` names fields, never their values."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Headers
    value: bytes | None
    code: str
    detail: str


class Work:
    """Collects what one transaction sends and parks; whoever opened it writes that down and commits."""

    __slots__ = ("_callbacks", "_parked", "_records", "chunk", "relayed", "tx")

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.chunk: Chunk | None = None
        """The outbox row, once it is written."""
        self.relayed = False
        self._records: list[Record] = []
        self._parked: list[Parked] = []
        self._callbacks: list[Callable[[], None]] = []

    def send(self, records: Iterable[Record]) -> None:
        """Publish after commit, in this order per key, at least once. Raises RecordTooLarge at once."""
        new = list(records)
        for record in new:
            if len(record.value) > MAX_VALUE:
                raise RecordTooLarge(f"a record for {record.topic} has {len(record.value)} bytes, {MAX_VALUE} at most")
        self._records += new

    def park(self, message: Message, code: str, detail: str) -> None:
        """Put `message` aside in this transaction; the partition goes on. Parking it again changes nothing."""
        self.put_aside(
            Parked(
                message.topic,
                message.partition,
                message.offset,
                message.key,
                message.headers,
                message.value,
                code,
                detail[:500],
            )
        )

    def put_aside(self, parked: Parked) -> None:
        """The same, for a message that could not be decoded."""
        self._parked.append(parked)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call once the transaction is known to be stored. Not called if the process dies first: a hint, no promise."""
        self._callbacks.append(callback)

    @property
    def records(self) -> Sequence[Record]:
        return self._records

    @property
    def parked(self) -> Sequence[Parked]:
        return self._parked

    @property
    def callbacks(self) -> Sequence[Callable[[], None]]:
        return self._callbacks
