"""Sagas and tasks as rows, both ways."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.json import decode, encode

from lethe_events import TaskAcknowledged
from lethe_events.canonical import canonical
from lethe_events.ids import text_of
from lethe_events.models import from_python
from lethe_events.words import PACKAGE_PROCESSOR, Channel, Right, SagaState, Verb
from orchestrator.adapters.packing import content_of
from orchestrator.application.batch import Entry
from orchestrator.domain.beside import Beside
from orchestrator.domain.closing import result
from orchestrator.domain.deadlines import Deadlines
from orchestrator.domain.record import answer_text
from orchestrator.domain.record_parts import clock_json, instant
from orchestrator.domain.rules import package_rules
from orchestrator.domain.saga import LawfulException, Proposal, Saga, Task
from orchestrator.domain.words import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    import asyncpg

    from orchestrator.application.ports import Registers


class _Clock(Struct):
    """How the dates of a saga came about."""

    rule: str
    unsure: bool
    derivation: dict[str, Any]


class _Opened(Struct):
    clock: _Clock


class _First(Struct):
    """The first link of a chain, as far as a saga is read from it."""

    event: _Opened


# -- to rows


def fact_row(entry: Entry) -> tuple[Any, ...]:
    saga = _of(entry)
    return (
        saga.id,
        saga.subject_ref,
        saga.right,
        saga.export_first,
        saga.country,
        saga.channel,
        saga.identity,
        ",".join(saga.identifier_kinds),
        saga.received_at,
        saga.accepted_at,
        saga.clock.due_legal,
    )


def new_saga_row(entry: Entry, registers: Registers) -> tuple[Any, ...]:
    saga = _of(entry)
    return (
        saga.id,
        saga.controller_id,
        saga.clock.due_strict,
        saga.state,
        saga.version,
        _register_id(saga.register_version, registers),
        entry.checked,
        saga.alarm,
        ",".join(saga.alerts),
        saga.open_incidents,
        _result(saga),
        saga.answered_at,
        saga.closed_at,
        entry.seq,
        bytes.fromhex(entry.head),
    )


def changed_saga_row(entry: Entry, registers: Registers) -> tuple[Any, ...]:
    saga = _of(entry)
    return (
        saga.id,
        entry.stored,
        saga.state,
        saga.version,
        _register_id(saga.register_version, registers),
        entry.checked,
        saga.alarm,
        ",".join(saga.alerts),
        saga.open_incidents,
        _result(saga),
        saga.answered_at,
        saga.closed_at,
        saga.shredded_at,
        entry.seq,
        bytes.fromhex(entry.head),
    )


def beside_row(entry: Entry) -> tuple[Any, ...]:
    """`clock` is null while it is as the first link of the chain has it."""
    saga = _of(entry)
    clock = saga.clock
    return (
        saga.id,
        None if saga.beside is None else encode(saga.beside).decode(),
        canonical(clock_json(clock)).decode() if entry.reclocked else None,
        clock.due_strict,
        clock.due_legal,
    )


def new_task_row(saga_id: UUID, task: Task, registers: Registers) -> tuple[Any, ...]:
    return (
        saga_id,
        task.id,
        task.processor_id,
        task.verb,
        task.round,
        _ids(task.after),
        registers.id_of(task.rules.register_version),
        ",".join(task.tokens) or None,
        task.status,
        task.attempt,
        task.tries,
        task.due_at,
        task.settled_at,
        task.code,
    )


def changed_task_row(saga_id: UUID, task: Task) -> tuple[Any, ...]:
    return (
        saga_id,
        task.id,
        task.status,
        task.attempt,
        task.answered,
        task.tries,
        task.looks,
        task.due_at,
        task.expected_by,
        task.gone_by,
        task.settled_at,
        None if task.answer is None else answer_text(task.answer),
        task.code,
    )


def seldom_task_row(saga_id: UUID, task: Task, registers: Registers) -> tuple[Any, ...]:
    return (
        saga_id,
        task.id,
        _ids(task.after),
        registers.id_of(task.rules.register_version),
        ",".join(task.tokens) or None,
        None if task.proposal is None else _proposal_text(task.proposal),
        None if task.exception is None else _exception_text(task.exception),
    )


def _of(entry: Entry) -> Saga:
    assert entry.saga is not None, "an entry that is saved has a saga"
    return entry.saga


def _ids(ids: Iterable[UUID]) -> str | None:
    return ",".join(map(text_of, ids)) or None


def _result(saga: Saga) -> str | None:
    found = result(saga)
    return None if found is None else found.value


def _register_id(version: str | None, registers: Registers) -> int | None:
    if version is None or not version.strip("0"):
        return None
    return registers.id_of(version)


def _proposal_text(p: Proposal) -> str:
    return canonical(
        {"ground": p.ground, "article": p.article, "reason": p.reason, "by": p.by, "at": instant(p.at)}
    ).decode()


def _exception_text(e: LawfulException) -> str:
    people = {"proposed_by": e.proposed_by, "approved_by": e.approved_by, "at": instant(e.at)}
    return canonical({"ground": e.ground, "article": e.article, "reason": e.reason, **people}).decode()


# -- from rows


def entry_of(row: asyncpg.Record, tasks: Mapping[UUID, Task], registers: Registers) -> Entry:
    clock = _clock_of(row)
    register_id = row["register_id"]
    saga = Saga(
        id=row["id"],
        controller_id=row["controller_id"],
        subject_ref=row["subject_ref"],
        right=Right(row["right"]),
        export_first=row["export_first"],
        country=row["country"],
        channel=Channel(row["channel"]),
        identity=row["identity"],
        identifier_kinds=tuple(row["identifier_kinds"]),
        received_at=row["received_at"],
        accepted_at=row["accepted_at"],
        clock=Deadlines(row["due_strict"], row["due_legal"], clock.rule, clock.derivation, clock.unsure),
        state=SagaState(row["state"]),
        version=row["version"],
        register_version=None if register_id is None else registers.known(register_id).version,
        tasks=tasks,
        alarm=row["alarm"],
        alerts=tuple(row["alerts"]),
        answered_at=row["answered_at"],
        closed_at=row["closed_at"],
        shredded_at=row["shredded_at"],
        beside=None if row["beside"] is None else decode(row["beside"], type=Beside),
    )
    return Entry(
        saga,
        row["audit_seq"],
        row["audit_head"].hex(),
        saga.version,
        frozenset(tasks),
        row["checked_register_id"],
        row["armed"],
    )


def _clock_of(row: asyncpg.Record) -> _Clock:
    """As it was changed last, else as the first link has it."""
    stored = row["clock"]
    return decode(content_of(row), type=_First).event.clock if stored is None else decode(stored, type=_Clock)


def _tokens_of(row: asyncpg.Record) -> tuple[str, ...]:
    """Rows of before have them in an array only."""
    stored = row["subject_tokens"]
    return tuple(row["tokens"] or ()) if stored is None else tuple(stored.split(","))


def task_of(row: asyncpg.Record, controller_id: str, registers: Registers) -> Task:
    register = registers.known(row["register_id"])
    processor_id = row["processor_id"]
    own = processor_id == PACKAGE_PROCESSOR
    answer = row["answer"]
    return Task(
        id=row["id"],
        processor_id=processor_id,
        verb=Verb(row["verb"]),
        round=row["round"],
        after=tuple(row["after"] or ()),
        rules=package_rules(register.version) if own else register.rules[processor_id],
        tokens=_tokens_of(row),
        status=TaskStatus(row["status"]),
        attempt=row["attempt"],
        answered=row["answered"],
        tries=row["tries"],
        looks=row["looks"],
        due_at=row["due_at"],
        expected_by=row["expected_by"],
        gone_by=row["gone_by"],
        settled_at=row["settled_at"],
        answer=None if answer is None else _answer_of(answer, row["saga_id"], controller_id),
        proposal=_proposal_of(row["proposal"]),
        exception=_exception_of(row["exception"]),
        code=row["code"],
    )


def _answer_of(text: str, saga_id: UUID, controller_id: str) -> TaskAcknowledged:
    return from_python(TaskAcknowledged, {**json.loads(text), "dsr_id": str(saga_id), "controller_id": controller_id})


def _proposal_of(stored: str | None) -> Proposal | None:
    if stored is None:
        return None
    found = json.loads(stored)
    at = datetime.fromisoformat(found["at"])
    return Proposal(found["ground"], found["article"], found["reason"], found["by"], at)


def _exception_of(stored: str | None) -> LawfulException | None:
    if stored is None:
        return None
    found = json.loads(stored)
    return LawfulException(
        ground=found["ground"],
        article=found["article"],
        reason=found["reason"],
        proposed_by=found["proposed_by"],
        approved_by=found["approved_by"],
        at=datetime.fromisoformat(found["at"]),
    )
