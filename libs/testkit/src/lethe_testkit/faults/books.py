"""The processors' own books: what really changed there, noted by their databases and not by Lethe."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
import httpx

from lethe_local.stack import databases

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lethe_testkit.stack import Stack

_TRIES = 20
_SHOP = """
CREATE SCHEMA books;
CREATE TABLE books.gone (email text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE FUNCTION books.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.email IS DISTINCT FROM OLD.email THEN
        INSERT INTO books.gone (email) VALUES (lower(OLD.email));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER books AFTER UPDATE OR DELETE ON shop.customers FOR EACH ROW EXECUTE FUNCTION books.note();
"""
_WAREHOUSE = """
CREATE TABLE IF NOT EXISTS book (token TEXT NOT NULL, at TEXT NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS books AFTER DELETE ON account BEGIN
    INSERT INTO book VALUES (OLD.customer_token, strftime('%Y-%m-%dT%H:%M:%f', 'now'));
    INSERT INTO book VALUES (OLD.email_token, strftime('%Y-%m-%dT%H:%M:%f', 'now'));
END;
"""


@dataclass(frozen=True, slots=True)
class Gone:
    """Somebody vanished from a processor: by the e-mail address (shop) or a subject token (warehouse)."""

    processor_id: str
    known_by: str
    at: datetime


class Books:
    """Of the shop and the warehouse of one stack. The helpdesk keeps none, but tells whom it holds."""

    def __init__(self, stack: Stack) -> None:
        self._shop = databases.at(stack.postgres, "shop")
        self._warehouse: Path = stack.state.root / "samples" / "warehouse.sqlite"
        self._helpdesk = stack.url("helpdesk")
        self._token = stack.state.secret("helpdesk_token")

    async def open(self) -> None:
        """Begin to note."""
        connection = await asyncpg.connect(self._shop)
        await connection.execute(_SHOP)
        await connection.close()
        await asyncio.to_thread(self._open_warehouse)

    async def read(self) -> list[Gone]:
        connection = await asyncpg.connect(self._shop)
        rows = await connection.fetch("SELECT email, at FROM books.gone")
        await connection.close()
        return [Gone("shop", row["email"], row["at"]) for row in rows] + await asyncio.to_thread(self._read_warehouse)

    async def still_held(self, emails: Iterable[str]) -> set[str]:
        """Of these people, those whom the shop or the helpdesk still holds, whatever they told Lethe."""
        wanted = [email.lower() for email in emails]
        connection = await asyncpg.connect(self._shop)
        rows = await connection.fetch(
            "SELECT lower(email) AS e FROM shop.customers WHERE lower(email) = ANY($1)", wanted
        )
        await connection.close()
        held = {f"shop/{row['e']}" for row in rows}
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self._token}"}, timeout=30) as client:
            for email in wanted:
                if await self._is_held(client, email):
                    held.add(f"helpdesk/{email}")
        return held

    async def behave(self, **changes: object) -> None:
        """How the helpdesk answers from now on; see its `Behaviour`."""
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self._token}"}, timeout=30) as client:
            (await client.put(f"{self._helpdesk}/admin/behaviour", json=changes)).raise_for_status()

    async def _is_held(self, client: httpx.AsyncClient, email: str) -> bool:
        """A question that is not answered is no verdict: it may come right after a kill, or the machine stood still."""
        for left in reversed(range(_TRIES)):
            try:
                answer = await client.get(f"{self._helpdesk}/admin/holds", params={"email": email})
                return bool(answer.json()["customers"])
            except httpx.HTTPError:
                if not left:
                    raise
                await asyncio.sleep(0.5)
        raise AssertionError("the last try raises")

    def _open_warehouse(self) -> None:
        with sqlite3.connect(self._warehouse, timeout=30) as connection:
            connection.executescript(_WAREHOUSE)
        connection.close()

    def _read_warehouse(self) -> list[Gone]:
        with sqlite3.connect(self._warehouse, timeout=30) as connection:
            rows = connection.execute("SELECT token, at FROM book").fetchall()
        connection.close()
        return [Gone("warehouse", token, datetime.fromisoformat(at).replace(tzinfo=UTC)) for token, at in rows]
