"""What is shown of sagas: lists, one saga, its chain, incidents. For the API and the console; changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from msgspec import to_builtins

from lethe_events.models import to_python
from lethe_events.words import SagaState
from lethe_postgres import load_queries
from orchestrator.adapters.packing import content_of
from orchestrator.domain.certificate import change_json, ended_json, hold_json, kept, letter_json, reopening_json
from orchestrator.domain.clock import late, rung_due
from orchestrator.domain.closing import place, result, verdicts
from orchestrator.domain.decision_acts import outcomes_of
from orchestrator.domain.record_parts import instant
from orchestrator.domain.remedies import refusal_json, remedies
from orchestrator.domain.rights_told import (
    asked_json,
    deciding_json,
    decision_json,
    restriction_json,
    taken_back_json,
    unconcerned,
)
from orchestrator.domain.words import MEANING, RESTRICTED, Code

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

    from lethe_postgres import Database
    from orchestrator.adapters.store import PostgresSagas
    from orchestrator.application.views import Filter
    from orchestrator.domain.saga import Saga, Task

Json = dict[str, Any]
_FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
_FEW: Final = 5_000
"""Sagas that are looked up one by one: beyond, a walk along a million by date meets a page of them as soon."""
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class PostgresReading:
    """Implements `Reading`."""

    def __init__(self, database: Database, sagas: PostgresSagas) -> None:
        self._database = database
        self._sagas = sagas
        self._sql = load_queries("orchestrator.adapters", "reading.sql")

    async def page(self, wanted: Filter) -> tuple[list[Json], str | None]:
        """Sagas by strict date, and where the next page begins (None: there is none). Raises ValueError for `after`."""
        name = "page_state" if wanted.state else "page_open"
        if wanted.incident or wanted.state == "closed":
            name = "page_incident" if wanted.incident else "page_closed"
        elif wanted.processor and await self._few_wait_for(wanted.processor):
            name = "page_few"
        rows = await self._database.fetch(
            self._sql[name],
            list(wanted.controllers),
            *_place(wanted.after),
            wanted.due_before or _NEVER,
            wanted.state,
            wanted.processor,
            wanted.limit,
        )
        following = _cursor(rows[-1]["due_strict"], rows[-1]["id"]) if len(rows) == wanted.limit else None
        return [_row(row) for row in rows], following

    async def _few_wait_for(self, processor: str) -> bool:
        count: int = await self._database.fetchval(self._sql["waiting_for"], processor, _FEW)
        return count < _FEW

    async def saga(self, saga_id: UUID, controllers: Collection[str]) -> Json | None:
        """All about one saga: tasks, what is owed by whom, incidents, timeline. None: not there, or not theirs."""
        saga = await self._sagas.read(saga_id)
        if saga is None or saga.controller_id not in controllers:
            return None
        incidents = [_incident(r) for r in await self._database.fetch(self._sql["incidents_of_saga"], saga_id)]
        links = await self._database.fetch(self._sql["links"], saga_id)
        strays = await self._database.fetch(self._sql["strays"], saga_id)
        certificate = await self._database.fetchrow(self._sql["certificate"], saga_id)
        return {
            **_head(saga),
            "verdicts": {p: v.value for p, v in sorted(_verdicts(saga).items())},
            "tasks": [_task(t) for t in sorted(saga.tasks.values(), key=lambda t: (t.processor_id, t.round, t.verb))],
            "incidents": incidents,
            "timeline": [_moment(row) for row in links],
            "stray_acks": [{**dict(row), "recorded_at": instant(row["recorded_at"])} for row in strays],
            "certificate_sha256": None if certificate is None else certificate["sha256"].hex(),
        }

    async def links(self, saga_id: UUID, controllers: Collection[str]) -> list[Json] | None:
        """The audit chain: each link's number, hash and content."""
        if not await self._may_see(saga_id, controllers):
            return None
        rows = await self._database.fetch(self._sql["links"], saga_id)
        return [{"seq": r["seq"], "hash": r["hash"].hex(), "content": json.loads(content_of(r))} for r in rows]

    async def certificate(self, saga_id: UUID, controllers: Collection[str]) -> tuple[bool, str | None]:
        """Whether the saga is theirs, and the signed document as text (None: not closed yet)."""
        if not await self._may_see(saga_id, controllers):
            return False, None
        row = await self._database.fetchrow(self._sql["certificate"], saga_id)
        return True, None if row is None else row["document"]

    async def incidents(
        self,
        controllers: Collection[str],
        *,
        code: str | None = None,
        processor: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Json], str | None]:
        """Open incidents, oldest first. Raises ValueError for `after`."""
        rows = await self._database.fetch(
            self._sql["incidents"], list(controllers), *_place(after), code, processor, limit
        )
        following = _cursor(rows[-1]["opened_at"], rows[-1]["id"]) if len(rows) == limit else None
        return [_incident(row) for row in rows], following

    async def counts(self) -> Sequence[asyncpg.Record]:
        """Open sagas by state, how many are past their strict date, and the next one."""
        return await self._database.fetch(self._sql["counts"])

    async def _may_see(self, saga_id: UUID, controllers: Collection[str]) -> bool:
        row = await self._database.fetchrow(self._sql["controller"], saga_id)
        return row is not None and row["controller_id"] in controllers


def _cursor(at: datetime, id_: UUID) -> str:
    return f"{instant(at)}_{id_}"


def _place(after: str | None) -> tuple[datetime, UUID]:
    if after is None:
        return _FIRST
    at, _, id_ = after.partition("_")
    return datetime.fromisoformat(at), UUID(id_)


def _at(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def _row(row: asyncpg.Record) -> Json:
    return {
        "dsr_id": str(row["id"]),
        "controller_id": row["controller_id"],
        "right": row["right"],
        "export_first": row["export_first"],
        "state": row["state"],
        "received_at": instant(row["received_at"]),
        "due_strict": instant(row["due_strict"]),
        "due_legal": instant(row["due_legal"]),
        "answered_at": _at(row["answered_at"]),
        "closed_at": _at(row["closed_at"]),
        "result": row["result"],
        "tasks": row["tasks"],
        "settled": row["settled"],
        "open_incidents": row["open_incidents"],
        "waiting_for": row["waiting_for"] or [],
    }


def _verdicts(saga: Saga) -> Json:
    return dict(verdicts(saga.right, saga.needs_package, saga.tasks))


def _head(saga: Saga) -> Json:
    found = result(saga)
    beside = saga.beside
    clock = {"rule": saga.clock.rule, "unsure": saga.clock.unsure, "late": late(saga), **saga.clock.derivation}
    return {
        "dsr_id": str(saga.id),
        "controller_id": saga.controller_id,
        "subject_ref": str(saga.subject_ref),
        "right": saga.right.value,
        "export_first": saga.export_first,
        "state": saga.state.value,
        "version": saga.version,
        "register_version": saga.register_version,
        "channel": saga.channel.value,
        "country": saga.country,
        "identity": saga.identity,
        "identifier_kinds": list(saga.identifier_kinds),
        "received_at": instant(saga.received_at),
        "accepted_at": instant(saga.accepted_at),
        "due_strict": instant(saga.clock.due_strict),
        "due_legal": instant(saga.clock.due_legal),
        "clock": clock,
        "next_alarm_at": _at(rung_due(saga)),
        "answered_at": _at(saga.answered_at),
        "closed_at": _at(saga.closed_at),
        "shredded_at": _at(saga.shredded_at),
        "escalations": [] if beside is None else to_builtins(beside.rang),
        "reopened": [] if beside is None else [reopening_json(r) for r in beside.reopened],
        "asked": None if beside is None or beside.asked is None else asked_json(beside.asked),
        "deciding": None if beside is None or beside.deciding is None else deciding_json(beside.deciding),
        "decision": None if beside is None or beside.decision is None else decision_json(beside.decision),
        "may_decide": list(outcomes_of(saga.right, beside)) if saga.state is SagaState.DECIDING else [],
        "restriction": restriction_json(saga) if beside is not None and beside.asked is not None else None,
        "may_lift": place(saga) == RESTRICTED,
        "taken_back": None if beside is None or beside.taken_back is None else taken_back_json(beside.taken_back),
        "not_concerned": unconcerned(saga),
        "holds": [] if beside is None else [hold_json(h) for h in beside.holds],
        "identified": None if beside is None or beside.identified is None else to_builtins(beside.identified),
        "refusing": None if beside is None or beside.refusing is None else to_builtins(beside.refusing),
        "refusal": None if beside is None or beside.refusal is None else refusal_json(beside.refusal),
        "remedies": remedies(saga),
        "letters": [] if beside is None else [letter_json(p) for p in beside.letters],
        "extending": None if beside is None or beside.extending is None else to_builtins(beside.extending),
        "clock_changes": [] if beside is None else [change_json(c) for c in beside.changes],
        "ended": None if beside is None or beside.ended is None else ended_json(beside.ended),
        "result": None if found is None else found.value,
        "retained": [{"processor_id": p, "until": None, **to_python(r)} for p, r in kept(saga)],
        "settled": sum(t.settled for t in saga.tasks.values()),
        "open_incidents": saga.open_incidents,
    }


def _task(task: Task) -> Json:
    answer = task.answer
    found: Json = {
        "task_id": str(task.id),
        "name": task.name,
        "processor_id": task.processor_id,
        "verb": task.verb.value,
        "round": task.round,
        "status": task.status.value,
        "attempt": task.attempt,
        "after": [str(i) for i in task.after],
        "due_at": _at(task.due_at),
        "expected_by": _at(task.expected_by),
        "settled_at": _at(task.settled_at),
        "register_version": task.rules.register_version,
        "code": task.code,
        "next_step": _what_next(task.code),
        "outcome": None if answer is None else answer.outcome.value,
        "grade": None if answer is None else task.rules.credit(answer.grade).value,
        "answered_at": None if answer is None else instant(answer.at),
        "answer": None if answer is None else {k: v for k, v in to_python(answer).items() if k not in _SAID},
    }
    if task.proposal is not None:
        p = task.proposal
        found["proposal"] = {"ground": p.ground, "article": p.article, "reason": p.reason, "by": p.by}
    if task.exception is not None:
        e = task.exception
        people = {"proposed_by": e.proposed_by, "approved_by": e.approved_by, "at": instant(e.at)}
        found["exception"] = {"ground": e.ground, "article": e.article, "reason": e.reason, **people}
    return found


_SAID = {"task_id", "dsr_id", "controller_id", "processor_id", "verb"}


def _what_next(code: str | None) -> str | None:
    return None if code is None else MEANING.get(Code(code))


def _incident(row: asyncpg.Record) -> Json:
    return {
        "incident_id": str(row["id"]),
        "dsr_id": None if row["saga_id"] is None else str(row["saga_id"]),
        "controller_id": row["controller_id"],
        "processor_id": row["processor_id"],
        "task_id": None if row["task_id"] is None else str(row["task_id"]),
        "code": row["code"],
        "detail": row["detail"],
        "next_step": _what_next(row["code"]),
        "opened_at": instant(row["opened_at"]),
        "resolved_at": _at(row["resolved_at"]),
        "resolved_by": row["resolved_by"],
    }


def _moment(row: asyncpg.Record) -> Json:
    content = json.loads(content_of(row))
    found = {key: content[key] for key in ("seq", "at", "kind", "by", "effect") if key in content}
    said = content.get("event", {})
    if "ack" in said:
        found["outcome"] = said["ack"]["outcome"]
    if "late_s" in said:
        found["late_s"] = said["late_s"]
    return found
