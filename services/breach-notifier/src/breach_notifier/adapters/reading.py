"""What is shown of cases: lists, one case, its chain, its notices, a year's register. Changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from breach_notifier.adapters.store import PACKAGE, read_case
from breach_notifier.application.views import Version
from breach_notifier.domain.documentation import documented
from breach_notifier.domain.drafting import missing_next, read
from breach_notifier.domain.record import to_json
from breach_notifier.domain.words import MEANING, Code
from lethe_law.breach.facts import as_json
from lethe_law.breach.reminders import Since, reminders_due
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from breach_notifier.application.views import Filter
    from breach_notifier.domain.case import Case
    from breach_notifier.domain.policy import Policy
    from lethe_postgres import Database

Json = dict[str, Any]
_FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
_OVER: Final = frozenset({"dismissed", "closed", "merged"})


class PostgresReading:
    """Implements `Reading`."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self._database = database
        self._policy = policy
        self._sql = load_queries(PACKAGE, "reading.sql")

    async def page(self, wanted: Filter) -> tuple[list[Json], str | None]:
        """Raises ValueError for `after`."""
        name = "page_any" if wanted.state in _OVER else "page_open"
        rows = await self._database.fetch(
            self._sql[name], list(wanted.controllers), *_place(wanted.after), wanted.state, wanted.limit
        )
        following = f"{_instant(rows[-1]['due'])}_{rows[-1]['id']}" if len(rows) == wanted.limit else None
        return [_row(read_case(row["content"])) for row in rows], following

    async def case(self, case_id: UUID, controllers: Collection[str]) -> Json | None:
        found = await self.versions(case_id, controllers)
        if found is None:
            return None
        case, versions = found
        latest = versions[-1].content if versions else None
        seen = [_plain(row) for row in await self._database.fetch(self._sql["incidents_of_case"], case_id)]
        calls = await self._database.fetch(self._sql["calls_of_case"], case_id)
        links = await self._database.fetch(self._sql["links"], case_id)
        return {
            **_row(case),
            "clock": None if case.clock is None else to_json(case.clock),
            "aware_by": case.aware_by,
            "aware_reason": case.aware_reason,
            "occurrence": case.occurrence,
            "occurred_from": _at(case.occurred_from),
            "evidence": list(case.evidence),
            "seen": seen[0] if seen else None,
            "also_seen": seen[1:],
            "merged_into": None if case.merged_into is None else str(case.merged_into),
            "belongs_with": await self._siblings(case, controllers),
            "facts": None if case.facts is None else as_json(case.facts),
            "scored": list(case.scored),
            "proposal": to_json(case.proposal),
            "counted": to_json(case.counted),
            "dismissal": to_json(case.dismissal),
            "decision": to_json(case.verdict),
            "authorities": list(case.authorities),
            "missing": list(missing_next(case, latest)),
            "notices": [
                {**_json(n), "gaps": list(v.content.gaps)} for n, v in zip(case.notices, versions, strict=True)
            ],
            "filings": to_json(case.past + case.filings),
            "letters": to_json(case.letters),
            "exemption": to_json(case.relief),
            "ordered": case.ordered,
            "controller_told": case.controller_told,
            "ending": to_json(case.ending),
            "reminders": self._reminders(case),
            "calls": [_plain(row) for row in calls],
            "timeline": [_moment(row) for row in links],
        }

    async def links(self, case_id: UUID, controllers: Collection[str]) -> list[Json] | None:
        if await self._case(case_id, controllers) is None:
            return None
        rows = await self._database.fetch(self._sql["links"], case_id)
        return [{"seq": r["seq"], "hash": r["hash"].hex(), "content": json.loads(r["content"])} for r in rows]

    async def versions(self, case_id: UUID, controllers: Collection[str]) -> tuple[Case, list[Version]] | None:
        case = await self._case(case_id, controllers)
        if case is None:
            return None
        rows = await self._database.fetch(self._sql["notices"], case_id)
        found = [_version(row) for row in rows]
        return case, found[: len(case.notices)]

    async def year(self, controller: str, year: int) -> list[Mapping[str, str]]:
        since, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        rows = await self._database.fetch(self._sql["year"], controller, since, until)
        return [documented(read_case(row["content"])) for row in rows]

    async def counts(self) -> tuple[Sequence[asyncpg.Record], int]:
        """Open cases by state, and how many calls nobody has taken."""
        return await self._database.fetch(self._sql["counts"]), await self._database.fetchval(self._sql["untaken"])

    async def _case(self, case_id: UUID, controllers: Collection[str]) -> Case | None:
        row = await self._database.fetchrow(self._sql["case"], case_id, list(controllers))
        return None if row is None else read_case(row["content"])

    async def _siblings(self, case: Case, controllers: Collection[str]) -> list[Json]:
        """Cases that whoever reads this one may see as well, and how they belong to it."""
        named = [*case.joined, *case.related, *([case.merged_into] if case.merged_into else [])]
        rows = await self._database.fetch(self._sql["siblings"], case.incident_id, named, case.id, list(controllers))
        return [
            {"case_id": str(r["id"]), "controller_id": r["controller_id"], "state": r["state"], "as": _as(case, r)}
            for r in rows
        ]

    def _reminders(self, case: Case) -> list[Json]:
        """Duties of other laws, by date. Nobody claims here that they were fulfilled."""
        policy = self._policy.controllers.get(case.controller_id)
        if policy is None or case.clock is None:
            return []
        happened = {Since.AWARE: case.clock.aware_at}
        return [
            {"law": d.reminder.law, "what": d.reminder.what, "article": d.reminder.article, "at": _instant(d.at)}
            for d in reminders_due(policy.laws, happened)
        ]


def _as(case: Case, row: asyncpg.Record) -> str:
    if row["id"] == case.merged_into:
        return "goes on there"
    if row["id"] in case.joined:
        return "goes on here"
    return "the same incident" if row["incident_id"] == case.incident_id else "related"


def _version(row: asyncpg.Record) -> Version:
    text = row["content"]
    drafted = (_instant(row["drafted_at"]), row["drafted_by"])
    return Version(row["number"], row["sha256"].hex(), read(text), text, *drafted)


def _place(after: str | None) -> tuple[datetime, UUID]:
    if after is None:
        return _FIRST
    at, _, id_ = after.partition("_")
    place = datetime.fromisoformat(at)
    if place.tzinfo is None:
        raise ValueError("no offset")
    return place, UUID(id_)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _at(at: datetime | None) -> str | None:
    return None if at is None else _instant(at)


def _json(value: object) -> Json:
    found: Json = to_json(value)
    return found


def _plain(row: asyncpg.Record) -> Json:
    return {k: to_json(v) for k, v in row.items()}


def _row(case: Case) -> Json:
    clock = case.clock
    return {
        "case_id": str(case.id),
        "breach_id": str(case.incident_id),
        "controller_id": case.controller_id,
        "party": case.party.value,
        "state": case.state.value,
        "version": case.version,
        "source": case.source,
        "opened_at": _instant(case.opened_at),
        "aware_at": None if clock is None else _instant(clock.aware_at),
        "due": None if clock is None else _at(clock.due),
        "legal_end": None if clock is None else _at(clock.legal_end),
        "severity": case.severity,
        "alerts": [{"code": code, "next_step": MEANING[Code(code)]} for code in case.alerts],
    }


def _moment(row: asyncpg.Record) -> Json:
    content = json.loads(row["content"])
    said = content["event"]
    reason = said.get("reason") or said.get("reasons") or ""
    return {
        "seq": content["seq"],
        "at": content["at"],
        "kind": content["kind"],
        "by": said.get("by", ""),
        "reason": reason,
        "state": content["effect"]["state"],
        "article": content["effect"]["article"],
        "alerts": content["effect"]["alerts"],
    }
