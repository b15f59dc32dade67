"""Owning slots and working them. Mirrors `lethe_messaging/{membership,ownership,reading,slot,handling}.py`.

One simplification: an instance reads a partition in the activity that works it, not in one task for all partitions;
what the client does to it (odd, late, repeated reads) is decided by the bus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from lethe_messaging.cursor import Cursor
from lethe_messaging.fairness import Lease, Member, plan
from lethe_messaging.settings import Tuning
from lethe_testkit.simulation.messaging import TRANSIENT, Messenger, Work
from lethe_testkit.simulation.store import ConnectionLost
from lethe_testkit.simulation.world import CHECK, MS, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lethe_messaging.cursor import Batch
    from lethe_testkit.simulation.bus import Bus, Rec
    from lethe_testkit.simulation.store import Store
    from lethe_testkit.simulation.world import Activity, Process, Steps

    Handler = Callable[["Work", Sequence["Delivered"]], Steps]

LEASE = 2 * SECOND
_TICK = 400 * MS
POISON = "cannot be decoded"
TUNING = Tuning(batch=3, window=0.0, window_max=0.0, window_below=1, queue=50, attempts_alone=2)


class Delivered(NamedTuple):
    topic: str
    partition: int
    offset: int
    rec: Rec


class LeaseRow(NamedTuple):
    owner: int = 0
    epoch: int = 0
    expires_at: int = -1


class OffsetRow(NamedTuple):
    next_offset: int = 0
    epoch: int = 0


class Fenced(Exception):
    """Somebody else moved the offset or took the partition."""


class Slot:
    __slots__ = ("activity", "claimed_at", "cursors", "done", "ending", "epoch", "number")

    def __init__(self, number: int, epoch: int, cursors: Sequence[Cursor], claimed_at: int) -> None:
        self.number = number
        self.epoch = epoch
        self.cursors = cursors
        self.claimed_at = claimed_at
        self.ending = False
        self.done = False
        self.activity: Activity | None = None


class Consumer(Messenger):
    """A messenger that also consumes: partition n of all its topics is slot n."""

    def __init__(self, process: Process, store: Store, bus: Bus, handlers: Mapping[str, Handler]) -> None:
        super().__init__(process, store, bus)
        self.handlers = handlers
        self.slots: dict[int, Slot] = {}
        self._uuid = UUID(int=self.me)
        for number in range(bus.partitions):
            store.rows("lease").setdefault(number, LeaseRow())
            for topic in handlers:
                store.rows("offset").setdefault((topic, number), OffsetRow())
        self._member: Activity = process.spawn(self._belong())

    # -- membership.py, ownership.py

    def _belong(self) -> Steps:
        while True:
            renewed = self._beat()
            for slot in self.slots.values():
                if slot.claimed_at < self.world.now and renewed.get(slot.number) != slot.epoch:
                    self._end(slot)
            self._release_ended()
            if self.world.mutant != "orphaned_claims_are_kept":
                self._release_orphaned(renewed)
            wanted = self._plan()
            for number in wanted[1]:
                self._end(self.slots[number])
            for number in wanted[0]:
                yield from self._claim(number)
            yield -_TICK

    def _beat(self) -> Mapping[int, int]:
        rows = self.store.rows("lease")
        renewed: dict[int, int] = {}
        for number, row in rows.items():
            if row.owner == self.me:
                rows[number] = row._replace(expires_at=self.world.now + LEASE)
                renewed[number] = row.epoch
        return renewed

    def _plan(self) -> tuple[Sequence[int], Sequence[int]]:
        now, living, mutant = self.world.now, self.world.living, self.world.mutant
        blind = mutant == "no_lease_check"
        leases = [
            Lease(n, UUID(int=r.owner) if r.owner else None, r.epoch, r.expires_at > now and not blind)
            for n, r in self.store.rows("lease").items()
        ]
        if mutant == "dead_owners_keep":
            leases = [row for row in leases if row.owner is None or row.owner.int in self.slots]
        peers = [p for p in living.values() if p.name == self.process.name and p.instance != self.me]
        members = [Member(UUID(int=p.instance), alive=True, sharing=p.frozen_until <= now) for p in peers]
        found = plan(self._uuid, self.slots.keys(), leases, members)
        return found.claim, found.release

    def _end(self, slot: Slot) -> None:
        slot.ending = True
        self.world.wake(slot.activity)

    def _release_ended(self) -> None:
        rows = self.store.rows("lease")
        for slot in [s for s in self.slots.values() if s.done]:
            row = rows[slot.number]
            if (row.owner, row.epoch) == (self.me, slot.epoch):
                rows[slot.number] = row._replace(owner=0, expires_at=-1)
            del self.slots[slot.number]

    def _release_orphaned(self, renewed: Mapping[int, int]) -> None:
        """Claims that were stored while their answer was lost."""
        rows = self.store.rows("lease")
        for number, epoch in renewed.items():
            row = rows[number]
            if number not in self.slots and (row.owner, row.epoch) == (self.me, epoch):
                rows[number] = row._replace(owner=0, expires_at=-1)

    def _claim(self, number: int) -> Steps:
        tx = self.store.begin(self.process)
        try:
            yield from tx.lock("lease", number, 500 * MS)
            row: LeaseRow = tx.get("lease", number)
            living = row.owner in self.world.living and row.expires_at > self.world.now
            if row.owner not in {0, self.me} and living and self.world.mutant != "no_lease_check":
                tx.abort()
                return
            grown = row.epoch + (0 if self.world.mutant == "epoch_stands_still" else 1)
            tx.put("lease", number, LeaseRow(self.me, grown, self.world.now + LEASE))
            cursors = []
            for topic in self.handlers:
                yield from tx.lock("offset", (topic, number), 500 * MS)
                stored: OffsetRow = tx.get("offset", (topic, number))
                start = stored.next_offset
                if self.world.mutant == "new_owner_starts_at_the_end":
                    start = len(self.bus.logs[topic, number])
                tx.put("offset", (topic, number), OffsetRow(start, grown))
                cursors.append(Cursor(topic, number, start, TUNING))
            taken = row.owner not in {0, self.me} and living
            tx.put("claim", self.store.next_id(), (f"{self.store.name} slot {number}", grown, self.me, taken))
            tx.commit()
        except TRANSIENT:
            return
        self._work(Slot(number, grown, cursors, self.world.now))

    def _work(self, slot: Slot) -> None:
        self.slots[slot.number] = slot
        self.world.tell(f"{self.process.name}/{self.me} owns slot {slot.number} under epoch {slot.epoch}")
        slot.activity = activity = self.process.spawn(self._serve(slot))
        for topic in self.handlers:
            self.bus.listen(topic, slot.number, lambda: self.world.wake(activity))

    # -- reading.py, slot.py

    def _serve(self, slot: Slot) -> Steps:
        while not slot.ending:
            for cursor in slot.cursors:
                self._read(cursor)
            now = self.world.now / SECOND
            ready = [c for c in slot.cursors if (at := c.ready_at()) is not None and at <= now]
            if not ready:
                waiting = [at for c in slot.cursors if (at := c.ready_at()) is not None]
                behind = any(c.fetched < len(self.bus.logs[c.topic, c.partition]) for c in slot.cursors)
                yield -10 * MS if behind or waiting else -SECOND
                continue
            yield self.world.short()
            cursor = ready[self.world.rng.randrange(len(ready))] if len(ready) > 1 else ready[0]
            yield from self._step(slot, cursor)
        slot.done = True
        self.world.wake(self._member)

    def _read(self, cursor: Cursor) -> None:
        log = self.bus.logs[cursor.topic, cursor.partition]
        if cursor.stopped is not None or len(log) <= cursor.fetched:
            return
        records, position = self.bus.fetch(cursor.topic, cursor.partition, cursor.fetched)
        if not records or cursor.feed(records, position, self.world.now / SECOND):
            return
        if self.world.mutant == "gaps_are_believed" and records[0].offset > cursor.fetched:
            cursor.fetched = records[0].offset
            cursor.feed(records, position, self.world.now / SECOND)

    def _step(self, slot: Slot, cursor: Cursor) -> Steps:
        batch = cursor.take()
        opened: list[Work] = []
        yield CHECK
        try:
            yield from self._handle(slot, cursor, batch, opened)
        except Fenced:
            slot.ending = True
        except TRANSIENT as error:
            known = isinstance(error, ConnectionLost)
            yield from self._recover(slot, cursor, batch, None if known or not opened else opened[-1])
        except Exception:  # noqa: BLE001 - as the real worker: whatever it is, the partition must not stop
            opened[-1].tx.abort()
            yield from self._corner(slot, cursor, batch)
        else:
            cursor.done(batch, self.world.now / SECOND)

    def _corner(self, slot: Slot, cursor: Cursor, batch: Batch) -> Steps:
        if self.world.mutant == "poison_takes_its_batch_along":
            yield from self._park(slot, cursor, batch, ())
        elif self.world.mutant == "poison_stops":
            cursor.stop("poison")
        elif len(batch.records) > 1:
            cursor.narrow(len(batch.records))
        else:
            cursor.alone += 1
            if cursor.alone < TUNING.attempts_alone:
                cursor.postpone((self.world.now + 20 * MS) / SECOND)
            else:
                yield from self._park(slot, cursor, batch, batch.records)

    def _park(self, slot: Slot, cursor: Cursor, batch: Batch, records: Sequence[object]) -> Steps:
        opened: list[Work] = []
        places = [(cursor.topic, cursor.partition, r.offset) for r in batch.records if records]
        if self.world.mutant == "parked_are_dropped":
            places = []
        try:
            yield from self._in_one_transaction(slot, cursor, batch, [], places, opened)
        except Fenced:
            slot.ending = True
        except TRANSIENT:
            yield from self._recover(slot, cursor, batch, None)
        else:
            cursor.done(batch, self.world.now / SECOND)

    def _recover(self, slot: Slot, cursor: Cursor, batch: Batch, work: Work | None) -> Steps:
        """Slot._recover and Handling.find_out: what is stored decides, never memory."""
        yield self.world.short()
        row: OffsetRow = self.store.rows("offset")[cursor.topic, cursor.partition]
        if self.world.mutant == "unknown_commit_is_done_again":
            moved = row.next_offset - batch.start
            cursor.next_offset += moved
            cursor.postpone(0.0)
        elif self.world.mutant == "unknown_commit_is_taken_for_stored":
            if work is not None:
                self.settle(work)
            cursor.done(batch, self.world.now / SECOND)
        elif row.epoch != slot.epoch:
            slot.ending = True
        elif row.next_offset == batch.end:
            if work is not None:
                self.settle(work)
            cursor.done(batch, self.world.now / SECOND)
        elif row.next_offset == batch.start:
            cursor.postpone((self.world.now + 20 * MS) / SECOND)
        else:
            slot.ending = True

    # -- handling.py

    def _handle(self, slot: Slot, cursor: Cursor, batch: Batch, opened: list[Work]) -> Steps:
        good: list[Delivered] = []
        bad: list[tuple[str, int, int]] = []
        for fetched in batch.records:
            if fetched.rec.body is POISON:
                bad.append((cursor.topic, cursor.partition, fetched.offset))
            else:
                good.append(Delivered(cursor.topic, cursor.partition, fetched.offset, fetched.rec))
        if self.world.mutant == "unreadable_are_skipped":
            bad = []
        yield from self._in_one_transaction(slot, cursor, batch, good, bad, opened)

    def _in_one_transaction(  # noqa: PLR0917
        self,
        slot: Slot,
        cursor: Cursor,
        batch: Batch,
        good: Sequence[Delivered],
        bad: Sequence[tuple[str, int, int]],
        opened: list[Work],
    ) -> Steps:
        mutant = self.world.mutant

        def body(work: Work) -> Steps:
            if mutant not in {"offset_first", "offset_last"}:
                yield from self._advance(work, slot, cursor, batch)
            work.parked += bad
            if good:
                yield CHECK
                yield from self.handlers[cursor.topic](work, good)
            yield self.world.short()

        if mutant == "offset_first":
            first = Work(self.store.begin(self.process))
            opened.append(first)
            yield from self._advance(first, slot, cursor, batch)
            first.tx.commit()
            yield self.world.short()
        yield from self.transact(body, opened)
        if mutant == "offset_last":
            yield self.world.short()
            last = Work(self.store.begin(self.process))
            yield from self._advance(last, slot, cursor, batch)
            last.tx.commit()

    def _advance(self, work: Work, slot: Slot, cursor: Cursor, batch: Batch) -> Steps:
        """The compare-and-set, first of all: it also makes a new owner wait for a transaction under way."""
        key = (cursor.topic, cursor.partition)
        yield from work.tx.lock("offset", key)
        row: OffsetRow = work.tx.get("offset", key)
        if row != (batch.start, slot.epoch):
            if self.world.mutant != "no_compare_and_set":
                work.tx.abort()
                self.world.tell(f"{self.process.name}/{self.me} is fenced at {key}")
                raise Fenced
            work.tx.put("offset", key, OffsetRow(batch.end, row.epoch))
            return
        work.tx.put("offset", key, OffsetRow(batch.end, slot.epoch))
