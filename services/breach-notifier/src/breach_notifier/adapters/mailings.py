"""Rows of mailings and of where contacts lie; what became of deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from breach_notifier.adapters.store import PACKAGE
from breach_notifier.application.letter_ports import Latest, Mailing
from breach_notifier.domain.letters import purpose_of
from lethe_delivery import decide, progress
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from uuid import UUID

    from breach_notifier.application.people_ports import Sought
    from breach_notifier.domain.case import Case
    from lethe_delivery import State
    from lethe_postgres import Database, Tx

_AT_ONCE = 5000


class PostgresMailings:
    """Implements `MailingStore` and `LetterReading`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(PACKAGE, "letters.sql")

    async def latest(self, tx: Tx, case_id: UUID) -> Latest:
        row = await tx.fetchrow(self._sql["latest"], case_id)
        assert row is not None, "it is always one row"
        return Latest(**row)

    async def insert(  # noqa: PLR0917 - the columns
        self, tx: Tx, case: Case, number: int, scope: int, content: str, by: str
    ) -> None:
        row = (case.id, number, scope, case.controller_id, case.occurrence, content, by)
        await tx.execute(self._sql["insert"], *row)

    async def open(self) -> list[Mailing]:
        return [Mailing(**row) for row in await self._database.fetch(self._sql["open"])]

    async def still(self, tx: Tx, mailing: Mailing) -> bool:
        found = await tx.fetchval(self._sql["lock"], mailing.case_id, mailing.number, mailing.state)
        return found is not None

    async def becomes(self, tx: Tx, mailing: Mailing, state: str, reason: str | None = None) -> None:
        await tx.execute(self._sql["becomes"], mailing.case_id, mailing.number, state, reason)

    async def wanted(self, mailing: Mailing, *, possible: bool) -> AsyncIterator[bytes]:
        after, place = "", (mailing.case_id, mailing.scope, possible)
        while rows := await self._database.fetch(self._sql["wanted"], *place, after, _AT_ONCE):
            after = rows[-1]["subject"]
            yield "".join(f"{row['subject']}\n" for row in rows).encode()

    async def sent_off(self, tx: Tx, documents: Mapping[UUID, UUID]) -> None:
        for task_id, document_id in documents.items():
            await tx.execute(self._sql["sent_off"], task_id, document_id)

    async def fed(self, tx: Tx, mailing: Mailing, search: Sought, contacts: Mapping[UUID, str]) -> bool:
        status = await tx.execute(self._sql["fed"], search.task_id, search.fed)
        if status != "UPDATE 1":
            return False
        place = (mailing.case_id, mailing.number, search.task_id, search.fed)
        await tx.execute(self._sql["addressees"], *place, list(contacts), list(contacts.values()))
        return True

    async def letters(self, case_id: UUID) -> Mapping[State, int]:
        return (await progress(self._database, case_id)).letters

    async def deliveries(self, mailing: Mailing, purpose: str) -> Sequence[Mapping[str, Any]]:
        return [dict(row) for row in await self._database.fetch(self._sql["deliveries"], mailing.case_id, purpose)]

    async def missed(self, mailing: Mailing, purpose: str, *, possible: bool) -> int:
        place = (mailing.case_id, mailing.scope, possible, purpose, mailing.number)
        return int(await self._database.fetchval(self._sql["missed"], *place))

    async def withdraw(self, mailing: Mailing, why: str) -> None:  # noqa: ARG002 - said in the mailing itself
        purpose = purpose_of(mailing.case_id, mailing.occurrence)
        await self._database.execute(self._sql["withdraw"], mailing.case_id, purpose)

    async def settle(self, case_id: UUID, *, send_again: bool, reason: str) -> int:
        rows = await self._database.fetch(self._sql["doubtful"], case_id)
        async with self._database.transaction() as tx:
            return len(await decide(tx, [row["id"] for row in rows], send_again=send_again, reason=reason))

    async def mailings(self, case_id: UUID) -> dict[str, Any]:
        rows = await self._database.fetch(self._sql["shown"], case_id)
        found = await progress(self._database, case_id)
        letters = {state.value: count for state, count in found.letters.items()}
        return {"mailings": [dict(row) for row in rows], "letters": letters, "repeats": found.repeats}
