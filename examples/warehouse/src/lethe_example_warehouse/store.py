"""The warehouse's own data: SQLite, one file. It knows nothing of Kafka or of Lethe but the tokens beside its rows."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_FIND = "SELECT id FROM account WHERE customer_token = ?1 UNION SELECT id FROM account WHERE email_token = ?1"
_ERASE = (
    ("parcels", "DELETE FROM parcel WHERE account_id = ?"),
    ("addresses", "DELETE FROM address WHERE account_id = ?"),
    ("accounts", "DELETE FROM account WHERE id = ?"),
)
_LEFT = (
    ("parcels", "SELECT count(*) FROM parcel WHERE label_token = ?1"),
    ("addresses", "SELECT count(*) FROM address WHERE label_token = ?1"),
    ("accounts", "SELECT count(*) FROM account WHERE email_token = ?1 OR customer_token = ?1"),
)
_READ = (
    ("parcels", "SELECT id, contents, weight_g FROM parcel WHERE account_id = ?"),
    ("addresses", "SELECT recipient, street, city FROM address WHERE account_id = ?"),
)


class Parcel(NamedTuple):
    """A parcel for a person who is named by tokens, with the address that stands on it."""

    customer_token: str
    email_token: str
    recipient: str
    street: str
    city: str
    contents: str
    weight_g: int
    driver: str


class Store:
    """Thread-safe; every method is one transaction."""

    def __init__(self, path: Path | str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")  # what is erased must not stay readable in the file
        self._db.executescript(resources.files("lethe_example_warehouse").joinpath("sql/schema.sql").read_text())

    def close(self) -> None:
        self._db.close()

    @property
    def is_empty(self) -> bool:
        return self._number("SELECT count(*) FROM (SELECT 1 FROM account LIMIT 1)") == 0

    def take_in(self, parcels: Sequence[Parcel]) -> None:
        """Store parcels, and that their people are to be announced."""
        with self._transaction() as db:
            for p in parcels:
                db.execute(
                    "INSERT INTO account (customer_token, email_token) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    (p.customer_token, p.email_token),
                )
                (account,) = db.execute("SELECT id FROM account WHERE customer_token = ?", p[:1]).fetchone()
                db.execute(
                    "INSERT INTO address (account_id, label_token, recipient, street, city) SELECT ?1, ?2, ?3, ?4, ?5 "
                    "WHERE NOT EXISTS (SELECT 1 FROM address WHERE account_id = ?1 AND street = ?4 AND city = ?5)",
                    (account, p.email_token, p.recipient, p.street, p.city),
                )
                db.execute(
                    "INSERT INTO parcel (account_id, label_token, contents, weight_g, driver) VALUES (?, ?, ?, ?, ?)",
                    (account, p.email_token, p.contents, p.weight_g, p.driver),
                )
            tokens = {p.customer_token for p in parcels}
            db.executemany("INSERT INTO announcement (token) VALUES (?)", [(t,) for t in sorted(tokens)])

    def erase(self, people: Sequence[Sequence[str]]) -> list[dict[str, int]]:
        """Rows that were erased of each person, by collection. Erasing again erases nothing."""
        with self._transaction() as db:
            erased = [self._erase_one(db, tokens) for tokens in people]
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # nor in the log beside the file
        return erased

    def left_of(self, tokens: Sequence[str]) -> dict[str, int]:
        """Rows that can still be found by the label, whatever became of the account."""
        return {name: sum(self._number(sql, token) for token in tokens) for name, sql in _LEFT}

    def records_of(self, tokens: Sequence[str]) -> dict[str, list[dict[str, object]]]:
        """Everything about a person but who drove the parcels: that is somebody else."""
        with self._lock:
            accounts = self._accounts(self._db, tokens)
            return {name: [row for a in accounts for row in self._rows(sql, a)] for name, sql in _READ}

    def unannounced(self, most: int) -> list[tuple[int, str]]:
        """Tokens of people whom Lethe has not been told about, with what to give to `announced`."""
        with self._lock:
            return self._db.execute("SELECT id, token FROM announcement ORDER BY id LIMIT ?", (most,)).fetchall()

    def announced(self, ids: Sequence[int]) -> None:
        with self._transaction() as db:
            db.executemany("DELETE FROM announcement WHERE id = ?", [(i,) for i in ids])

    def _erase_one(self, db: sqlite3.Connection, tokens: Sequence[str]) -> dict[str, int]:
        accounts = self._accounts(db, tokens)
        return {name: sum(db.execute(sql, (account,)).rowcount for account in accounts) for name, sql in _ERASE}

    @staticmethod
    def _accounts(db: sqlite3.Connection, tokens: Sequence[str]) -> list[int]:
        return sorted({row[0] for token in tokens for row in db.execute(_FIND, (token,))})

    def _rows(self, sql: str, account: int) -> Iterator[dict[str, object]]:
        cursor = self._db.execute(sql, (account,))
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())

    def _number(self, sql: str, *values: str) -> int:
        with self._lock:
            return int(self._db.execute(sql, values).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
