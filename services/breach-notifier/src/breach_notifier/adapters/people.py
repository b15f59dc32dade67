"""Rows of the subject index, of scopes and of searches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

from breach_notifier.adapters.store import PACKAGE, read_case
from breach_notifier.application.people_ports import Sought, Waiting
from breach_notifier.domain.affected import Erased
from breach_notifier.domain.scope import GoneSince
from breach_notifier.domain.subject_index import Fact
from lethe_events.words import Outcome
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
    from datetime import timedelta

    from breach_notifier.application.people_ports import Counted, Told, Verified
    from breach_notifier.domain.case import Case
    from lethe_events import SearchAnswered
    from lethe_postgres import Database, Tx

_ROWS = 20_000
"""Facts that are in memory at a time."""
_UPDATES = datetime(1900, 1, 1, tzinfo=UTC)
"""Of updates there is one row, whenever they were."""
_FOUND = frozenset({Outcome.DONE, Outcome.NOTHING_FOUND})


class PostgresIndex:
    """Implements `IndexStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(PACKAGE, "people.sql")

    async def tell(self, tx: Tx, told: Sequence[Told]) -> None:
        rows = {(*t[:5], _UPDATES if t.kind == "updated" else t.at, t.at) for t in told}
        await tx.execute(self._sql["facts"], *zip(*sorted(rows), strict=True))

    async def erased(self, tx: Tx, verified: Sequence[Verified]) -> None:
        await tx.execute(self._sql["erasures"], *zip(*verified, strict=True))

    async def unnamed(self, limit: int) -> Sequence[tuple[UUID, str, str]]:
        rows = await self._database.fetch(self._sql["unnamed"], limit)
        return [(r["dsr_id"], r["controller_id"], r["processor_id"]) for r in rows]

    async def name(self, named: Sequence[tuple[UUID, str, Sequence[str], Sequence[str]]]) -> None:
        rows = [(dsr, processor, " ".join(tokens), " ".join(refs)) for dsr, processor, tokens, refs in named]
        await self._database.execute(self._sql["name"], *zip(*rows, strict=True))

    async def indexed(self, tx: Tx, controller_id: str, processors: Collection[str]) -> set[str]:
        return {row["p"] for row in await tx.fetch(self._sql["indexed"], controller_id, list(processors))}

    async def facts(self, controller_id: str, processor_id: str) -> AsyncIterator[Sequence[Sequence[Fact]]]:
        after = ""
        while True:
            rows = await self._database.fetch(self._sql["facts_of"], controller_id, processor_id, after, _ROWS)
            if not rows:
                return
            people = [[Fact(*row) for row in group] for _, group in groupby(rows, key=lambda row: row["subject"])]
            if len(rows) == _ROWS and len(people) > 1:
                people.pop()  # it may go on behind these rows
            after = people[-1][0].subject
            yield people

    async def erasures(
        self, controller_id: str, processors: Collection[str]
    ) -> tuple[Sequence[Erased], Sequence[GoneSince]]:
        rows = await self._database.fetch(self._sql["erasures_of"], controller_id, list(processors))
        by_token = [Erased(token, r["processor_id"], r["at"]) for r in rows for token in r["tokens"]]
        return by_token, [GoneSince(r["processor_id"], tuple(r["refs"] or ()), r["at"], r["erased"]) for r in rows]


class PostgresScopes:
    """Implements `ScopeStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(PACKAGE, "people.sql")

    async def insert(self, tx: Tx, case_id: UUID, controller_id: str, content: str, by: str) -> int:
        number = int(await tx.fetchval(self._sql["latest_scope"], case_id)) + 1
        await tx.execute(self._sql["insert_scope"], case_id, number, controller_id, content, by)
        return number

    async def seek(  # noqa: PLR0917 - the columns
        self, tx: Tx, case_id: UUID, number: int, search: str, controller_id: str, tasks: Mapping[str, UUID]
    ) -> None:
        rows = (list(tasks.values()), case_id, number, search, controller_id, list(tasks))
        await tx.execute(self._sql["insert_searches"], *rows)

    async def answered(self, tx: Tx, answers: Sequence[SearchAnswered]) -> None:
        rows = [
            (a.task_id, a.people, a.pages, None if a.found is None else a.found.document_id, _failure(a))
            for a in answers
        ]
        await tx.execute(self._sql["answered"], *zip(*rows, strict=True))

    async def countable(self) -> Waiting | None:
        row = await self._database.fetchrow(self._sql["countable"])
        return None if row is None else Waiting(**row)

    async def searches(self, case_id: UUID, search: str, number: int) -> list[Sought]:
        return [Sought(**row) for row in await self._database.fetch(self._sql["searches_of"], case_id, search, number)]

    async def counted(self, tx: Tx, waiting: Waiting, found: Counted, people: Iterable[tuple[str, str, bool]]) -> bool:
        place = (waiting.case_id, waiting.number)
        if await tx.fetchval(self._sql["lock_scope"], *place) is None:
            return False
        await tx.copy_records_to_table(
            "concerned",
            records=((*place, *one) for one in people),
            columns=("case_id", "number", "part", "subject", "certain"),
            timeout=600,
        )
        before = await tx.fetchval(self._sql["counted_before"], *place)
        change = await tx.fetchrow(self._sql["delta"], *place, before, timeout=600)
        assert change is not None, "a count is always one row"
        results = (found.lower, found.upper, found.digest, change["added"], change["removed"])
        await tx.execute(self._sql["counted"], *place, *results)
        return True

    async def spent(self, limit: int) -> list[UUID]:
        return [row["task_id"] for row in await self._database.fetch(self._sql["spent"], limit)]

    async def shredded(self, tasks: Sequence[UUID]) -> None:
        await self._database.execute(self._sql["shredded"], list(tasks))

    async def over(self, retention: timedelta, limit: int) -> dict[UUID, set[UUID]]:
        rows = await self._database.fetch(self._sql["over"], retention, limit)
        reports = {row["incident_id"]: _reports([read_case(text) for text in row["contents"]]) for row in rows}
        named = sorted({name for each in reports.values() for name in each})
        kept = {row["r"] for row in await self._database.fetch(self._sql["still_evidence"], named)} if named else set()
        return {
            incident: {incident, *(UUID(name.partition(":")[2]) for name in names - kept)}
            for incident, names in reports.items()
        }

    async def forgotten(self, incidents: Collection[UUID]) -> None:
        await self._database.execute(self._sql["forget_incidents"], list(incidents))

    async def scopes(self, case_id: UUID) -> list[dict[str, Any]]:
        """Implements `PeopleReading`."""
        found = []
        for row in await self._database.fetch(self._sql["scopes"], case_id):
            scope = {k: v for k, v in row.items() if k != "content"}
            searches = await self.searches(case_id, "locate", row["number"])
            found.append({**scope, **json.loads(row["content"]), "searches": [_shown(s) for s in searches]})
        return found


def _shown(search: Sought) -> dict[str, Any]:
    names = ("processor_id", "asked_at", "answered_at", "failure", "people", "shredded_at")
    return {name: getattr(search, name) for name in names}


def _failure(answer: SearchAnswered) -> str:
    if answer.outcome in _FOUND:
        return ""
    return answer.failure.code if answer.failure is not None else answer.outcome.value


def _reports(cases: Sequence[Case]) -> set[str]:
    found = set()
    for case in cases:
        for name in case.evidence:
            kind, _, id_ = name.partition(":")
            if kind == "report" and _is_id(id_):
                found.add(name)
    return found


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
