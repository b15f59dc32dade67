"""A simulated PostgreSQL: transactions with row locks, compare-and-set, unique keys, and commits of unknown fate.

Mirrors what `lethe_postgres.database` gives: read committed, an update locks its row until the transaction ends, an
insert of a key that somebody else commits first fails, a connection that breaks in COMMIT leaves one not knowing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from lethe_testkit.simulation.world import SECOND

if TYPE_CHECKING:
    from lethe_testkit.simulation.world import Process, Steps, World

IDLE_TIMEOUT = 2 * SECOND
"""A session frozen inside a transaction is ended by the server (`idle_in_transaction_session_timeout`)."""


class ConnectionLost(Exception):
    """Nothing of the transaction is stored."""


class CommitUnknown(Exception):
    """Stored or not: the answer to COMMIT was lost."""


class Store:
    """One schema. Rows are values that nobody changes in place."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.tables: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
        self.locks: dict[tuple[str, Any], Tx] = {}
        self.serial = 0
        self._open: set[Tx] = set()
        world.databases.append(self.lose_connections)

    def rows(self, table: str) -> dict[Any, Any]:
        """What is committed."""
        return self.tables[table]

    def begin(self, process: Process) -> Tx:
        tx = Tx(self, process)
        self._open.add(tx)
        return tx

    def next_id(self) -> int:
        """Of a sequence: never given back."""
        self.serial += 1
        return self.serial

    def lose_connections(self) -> None:
        for tx in list(self._open):
            tx.abort()

    def end(self, tx: Tx) -> None:
        self._open.discard(tx)
        for place in tx.held:
            if self.locks.get(place) is tx:
                del self.locks[place]


class Tx:
    """One transaction. After `abort`, by whomever, every statement raises ConnectionLost."""

    __slots__ = ("_inserted", "_writes", "ended", "held", "process", "store", "touched")

    def __init__(self, store: Store, process: Process) -> None:
        self.store = store
        self.process = process
        self.ended = False
        self.touched = store.world.now
        self.held: list[tuple[str, Any]] = []
        self._writes: dict[tuple[str, Any], Any] = {}
        self._inserted: list[tuple[str, Any]] = []
        process.on_death.append(self.abort)

    def abort(self) -> None:
        """Nothing of it is stored. Idempotent."""
        if not self.ended:
            self.ended = True
            self.store.end(self)

    def get(self, table: str, key: Any) -> Any:
        self._check()
        place = (table, key)
        return self._writes[place] if place in self._writes else self.store.tables[table].get(key)

    def put(self, table: str, key: Any, row: Any) -> None:
        """Write a row; None deletes it."""
        self._check()
        self._writes[table, key] = row

    def insert(self, table: str, key: Any, row: Any) -> bool:
        """ON CONFLICT DO NOTHING: False where the key is there."""
        if self.get(table, key) is not None:
            return False
        self.put(table, key, row)
        self._inserted.append((table, key))
        return True

    def try_lock(self, table: str, key: Any) -> bool:
        """FOR UPDATE, without waiting."""
        self._check()
        place = (table, key)
        holder = self.store.locks.get(place)
        if holder is not None and holder is not self:
            if self.store.world.now - holder.touched <= IDLE_TIMEOUT:
                return False
            holder.abort()
        if holder is not self:
            self.store.locks[place] = self
            self.held.append(place)
        return True

    def lock(self, table: str, key: Any, patience: int = 30 * SECOND) -> Steps:
        """FOR UPDATE. Raises ConnectionLost when `patience` is over (`lock_timeout`)."""
        world = self.store.world
        until = world.now + patience
        while not self.try_lock(table, key):
            if world.now >= until:
                self.abort()
                raise ConnectionLost("lock timeout")
            yield 5 * world.short()

    def commit(self) -> None:
        """Raises ConnectionLost (not stored) or CommitUnknown (stored or not)."""
        self._check()
        world = self.store.world
        for table, key in self._inserted:
            if self.store.rows(table).get(key) is not None:
                self.abort()
                raise ConnectionLost("somebody else inserted this key")
        lost = world.happens(world.faults.commit_unknown, "unknown commit")
        if lost and world.rng.random() < 0.5:
            world.tell(f"{self.process.name}/{self.process.instance}: a commit in {self.store.name} is lost")
            self.abort()
            raise CommitUnknown
        for (table, key), row in self._writes.items():
            if row is None:
                self.store.rows(table).pop(key, None)
            else:
                self.store.rows(table)[key] = row
        if world.trace is not None:
            told = ", ".join(sorted({table for table, _ in self._writes})) or "nothing"
            who = f"{self.process.name}/{self.process.instance}"
            world.tell(f"{who} commits {told} in {self.store.name}" + (" and does not hear of it" if lost else ""))
        self.abort()
        if lost:
            raise CommitUnknown

    def _check(self) -> None:
        if self.ended:
            raise ConnectionLost("the session is gone")
        self.touched = self.store.world.now
