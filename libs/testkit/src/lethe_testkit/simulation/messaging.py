"""The delivery protocol of one instance, step by step.

What is decided without I/O is the real code: `lethe_messaging.cursor.Cursor` (what to hand on, gaps, halving a batch
to corner a message) and `lethe_messaging.fairness.plan` (who should own which slot). What mixes I/O and decisions in
the real code is written down here once more; each function names the file that it mirrors. Yields stand where the
real code awaits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lethe_testkit.simulation.store import CommitUnknown, ConnectionLost
from lethe_testkit.simulation.world import CHECK, MS, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from lethe_testkit.simulation.bus import Bus, Rec
    from lethe_testkit.simulation.store import Store, Tx
    from lethe_testkit.simulation.world import Activity, Process, Steps

RELAY_AFTER = 1500 * MS
_TICK = 400 * MS
_PAUSE = 100 * MS
_GIVE_UP_AFTER = 3


class OutboxRow(NamedTuple):
    id: int
    writer: int
    records: tuple[Rec, ...]
    written_at: int
    relayed: bool = False
    attempts: int = 0
    not_before: int = 0


class Work:
    """`lethe_messaging/work.py`: one transaction, what it sends and parks."""

    __slots__ = ("chunk", "parked", "records", "tx")

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.records: list[Rec] = []
        self.parked: list[tuple[str, int, int]] = []
        self.chunk: OutboxRow | None = None


class Messenger:
    """Unit of work, publisher and relay of one process."""

    def __init__(self, process: Process, store: Store, bus: Bus) -> None:
        self.process = process
        self.world = process.world
        self.store = store
        self.bus = bus
        self.me = process.instance
        self.queue: list[OutboxRow] = []
        self.held: set[int] = set()
        self._publisher: Activity = process.spawn(self._publish_for_ever())
        process.spawn(self._relay_for_ever())

    # -- lethe_messaging/works.py

    def transact(self, body: Callable[[Work], Steps], opened: list[Work]) -> Steps:
        """Works.open: body, outbox row, commit, then publish. `opened` gets the work, for who has to find out."""
        work = Work(self.store.begin(self.process))
        opened.append(work)
        yield from body(work)
        self._write(work)
        if self.world.mutant == "publish_before_commit":
            self.settle(work)
        yield CHECK
        work.tx.commit()
        yield CHECK
        if self.world.mutant != "publish_before_commit":
            self.settle(work)

    def settle(self, work: Work) -> None:
        """Known to be stored: publish."""
        if work.chunk is not None:
            self.queue.append(work.chunk)
            self.held.add(work.chunk.id)
            self.world.wake(self._publisher)

    def _write(self, work: Work) -> None:
        for place in work.parked:
            work.tx.insert("parked", place, True)
        if not work.records:
            return
        number = self.store.next_id()
        records = tuple(r._replace(writer=self.me, serial=number * 100 + n) for n, r in enumerate(work.records))
        work.chunk = OutboxRow(number, self.me, records, self.world.now)
        if self.world.mutant != "no_outbox_row":
            work.tx.put("outbox", number, work.chunk)

    # -- lethe_messaging/publisher.py

    def _publish_for_ever(self) -> Steps:
        while True:
            if not self.queue:
                yield -SECOND
                continue
            taken, self.queue = self.queue, []
            yield from self._publish_round(taken)

    def _publish_round(self, left: list[OutboxRow]) -> Steps:
        attempt = 0
        while left:
            attempt += 1
            records = [r for chunk in left for r in chunk.records]
            if self.world.mutant == "publisher_deletes_first":
                self._delete([chunk.id for chunk in left])
            failed: list[int] = []
            yield from self.bus.publish(records, failed)
            yield CHECK
            if self.world.mutant == "publisher_takes_no_for_yes":
                failed = []
            done, left = divide(left, failed)
            yield self.world.short()
            self._delete(done)
            if left and attempt >= _GIVE_UP_AFTER:
                for chunk in left:
                    self._leave_to_relay(chunk, SECOND)
                    self.held.discard(chunk.id)
                left = []
            if left:
                yield _PAUSE

    def _delete(self, ids: Sequence[int]) -> None:
        for id_ in ids:
            self.store.rows("outbox").pop(id_, None)
            self.held.discard(id_)

    def _leave_to_relay(self, chunk: OutboxRow, pause: int) -> None:
        rows = self.store.rows("outbox")
        row = rows.get(chunk.id)
        if row is not None:
            not_before = self.world.now + pause
            rows[chunk.id] = row._replace(
                relayed=True, records=chunk.records, attempts=row.attempts + 1, not_before=not_before
            )

    # -- lethe_messaging/relay.py

    def _relay_for_ever(self) -> Steps:
        while True:
            more = False
            if self._leads() and self.store.rows("outbox"):
                more = yield from self._sweep()
            if not more:
                yield -_TICK

    def _leads(self) -> bool:
        """The session lock of the one relay of a schema: free once the session of its holder is gone."""
        leader = self.store.rows("leader")
        if leader.get("relay") not in self.world.living:
            leader["relay"] = self.me
        return bool(leader["relay"] == self.me)

    def _sweep(self) -> Generator[int, None, bool]:
        chunks = self._to_sweep()
        if not chunks:
            return False
        mutant = self.world.mutant
        yield CHECK
        if mutant == "relay_deletes_first":
            self._delete([chunk.id for chunk in chunks])
        records = [r for chunk in chunks for r in chunk.records]
        failed: list[int] = []
        yield from self.bus.publish(records, failed, frozenset(c.id for c in chunks if not c.attempts))
        yield CHECK
        if mutant == "relay_takes_no_for_yes":
            failed = []
        done, left = divide(chunks, failed)
        for chunk in left:
            self._leave_to_relay(chunk, _PAUSE << min(chunk.attempts, 4))
        self._delete(done)
        return bool(done)

    def _to_sweep(self) -> list[OutboxRow]:
        """`sweep_outbox` of sql/queries.sql."""
        now, living, mutant = self.world.now, self.world.living, self.world.mutant
        if mutant == "relay_asleep":
            return []
        rows: list[OutboxRow] = sorted(self.store.rows("outbox").values())
        first: dict[int, int] = {}
        for row in rows:
            if not row.relayed and row.writer in living and now - row.written_at < RELAY_AFTER:
                first.setdefault(row.writer, row.id)
        found = [
            row
            for row in rows
            if row.not_before <= now
            and row.id not in self.held
            and (
                (row.relayed and row.id < first.get(row.writer, row.id + 1))
                or (now - row.written_at >= RELAY_AFTER and mutant != "relay_trusts_the_living")
                or (row.writer not in living and mutant != "relay_forgets_the_dead")
            )
        ]
        return found[::-1] if mutant == "relay_without_order" else found


def divide(chunks: Sequence[OutboxRow], failed: Sequence[int]) -> tuple[list[int], list[OutboxRow]]:
    """Ids of chunks that are out, and the others, each with the records that it still lacks."""
    missing = set(failed)
    done: list[int] = []
    left: list[OutboxRow] = []
    start = 0
    for chunk in chunks:
        keep = tuple(r for n, r in enumerate(chunk.records, start) if n in missing)
        start += len(chunk.records)
        if keep:
            left.append(chunk._replace(records=keep))
        else:
            done.append(chunk.id)
    return done, left


TRANSIENT = (CommitUnknown, ConnectionLost)
