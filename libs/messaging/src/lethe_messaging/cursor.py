"""One owned partition of one topic: what was fetched and is not yet handled. No I/O."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_messaging.settings import Tuning


class Batch(NamedTuple):
    """Records to handle in one transaction, which moves the offset from `start` to `end`."""

    records: Sequence[Any]
    start: int
    end: int


class Cursor:
    """The position of a partition. `next_offset` is what PostgreSQL holds, `fetched` where the client reads on.

    Records are kept until their transaction is known to be stored: the client's own position runs ahead, so that a
    record dropped here would be lost until the next change of owner.
    """

    def __init__(self, topic: str, partition: int, next_offset: int, tuning: Tuning) -> None:
        self.topic = topic
        self.partition = partition
        self.next_offset = next_offset
        self.fetched = next_offset
        self.stopped: str | None = None
        self.retry_at = 0.0
        self.failures = 0
        self.alone = 0
        self._tuning = tuning
        self._limit = tuning.batch
        self._records: deque[Any] = deque()
        self._since = 0.0
        self._window = tuning.window
        self._gap: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self._records)

    @property
    def full(self) -> bool:
        return len(self._records) >= self._tuning.queue

    @property
    def hungry(self) -> bool:
        return len(self._records) <= self._tuning.queue // 2

    @property
    def oldest_timestamp_ms(self) -> int | None:
        return self._records[0].timestamp if self._records else None

    def feed(self, records: Sequence[Any], position: int, now: float) -> bool:
        """Take what the client read; `position` is where it reads on. False: the client has to seek to `fetched`.

        Records must join seamlessly. A gap is believed (compaction and transaction markers leave such gaps) only
        when the client, asked again for the offset expected, shows the same gap again.
        """
        first = records[0].offset
        if first != self.fetched and self._gap != (self.fetched, first):
            self._gap = (self.fetched, first) if first > self.fetched else None
            return False
        self._gap = None
        if not self._records:
            self._since = now
        self._records.extend(records)
        self.fetched = max(position, records[-1].offset + 1)
        return True

    def ready_at(self) -> float | None:
        """When the next batch may be taken; None if there is nothing to take."""
        if self.stopped is not None or not self._records:
            return None
        wanted = min(self._tuning.window_below, self._limit)
        company = self._since if len(self._records) >= wanted else self._since + self._window
        return max(self.retry_at, company)

    def take(self) -> Batch:
        """The next batch. It stays here until `done`."""
        size = min(self._limit, len(self._records))
        records = list(islice(self._records, size))
        end = self.fetched if size == len(self._records) else records[-1].offset + 1
        return Batch(records, self.next_offset, end)

    def done(self, batch: Batch, now: float, took: float = 0.0) -> None:
        """The transaction of `batch` is stored and took `took` seconds.

        A small batch then waits as long as the last one took: on a busy machine batches grow, instead of many small
        transactions keeping it busy.
        """
        self._window = min(max(self._tuning.window, took), self._tuning.window_max)
        for _ in batch.records:
            self._records.popleft()
        self.next_offset = batch.end
        self.retry_at = 0.0
        self.failures = 0
        self.alone = 0
        self._since = now
        self._limit = min(self._limit * 2, self._tuning.batch)

    def postpone(self, until: float) -> None:
        """A transient error: the same records again, later."""
        self.failures += 1
        self.retry_at = until

    def narrow(self, size: int) -> None:
        """A batch of `size` failed and it was not transient: try the first half, to corner the message at fault."""
        self._limit = max(1, size // 2)
        self.retry_at = 0.0

    def stop(self, reason: str) -> None:
        """No further batch until a person has decided; what was fetched is forgotten."""
        self.stopped = reason
        self._records.clear()
