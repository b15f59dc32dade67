"""The audit log of a saga: one link per applied event, each over the hash of the one before. GDPR Art. 5(2).

A link holds the event as it came in, so that everything can be decided once more, and what it led to, so that a reader
needs no program. The form and the hash are `lethe_events.canonical`'s.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from lethe_events.canonical import GENESIS, canonical, canonical_of_built, sha256_hex
from orchestrator.domain import record
from orchestrator.domain.closing import place
from orchestrator.domain.errors import HistoryBroken
from orchestrator.domain.record_parts import Json, instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from orchestrator.domain.decision import Decision
    from orchestrator.domain.events import Event
    from orchestrator.domain.saga import Task


class Link(NamedTuple):
    """`content` is canonical JSON; `hash` (hex) is over the hash before, a line feed and `content`."""

    saga_id: UUID
    seq: int
    hash: str
    content: str


def effect(decision: Decision) -> Json:
    """What an event led to, for a reader: the state after, each changed task, incidents."""
    saga = decision.saga
    assert saga is not None, "only an applied decision has an effect"
    found: Json = {"state": place(saga), "article": decision.article}
    if decision.changed:
        found["tasks"] = {saga.tasks[i].name: standing_of(saga.tasks[i]) for i in decision.changed}
    if decision.opened:
        found["opened"] = [_incident(i.code, i.task_id, saga.tasks) for i in decision.opened]
    if decision.resolved:
        found["resolved"] = [_incident(i.code, i.task_id, saga.tasks) for i in decision.resolved]
    return found


def standing_of(task: Task) -> str:
    return f"{task.status}/{task.attempt}"


def _incident(code: str, task_id: UUID | None, tasks: Mapping[UUID, Task]) -> str:
    return code if task_id is None else f"{code}: {tasks[task_id].name}"


def link_of(event: Event, decision: Decision, seq: int, previous: str) -> Link:
    saga = decision.saga
    assert saga is not None, "only an applied decision is recorded"
    content: Json = {
        "saga": saga.id,
        "seq": seq,
        "at": instant(event.at),
        "kind": record.kind_of(type(event)),
        "event": record.to_json(event),
        "effect": effect(decision),
    }
    by = record.actor(event)
    if by is not None:
        content["by"] = by
    return forge(saga.id, seq, previous, content)


def certified(saga_id: UUID, at: datetime, *, seq: int, previous: str, document_sha256: str, key_id: str) -> Link:
    """The last link of a closing: which certificate was given."""
    content = {
        "saga": saga_id,
        "seq": seq,
        "at": instant(at),
        "kind": "certificate_issued",
        "event": {"sha256": document_sha256, "key_id": key_id},
    }
    return forge(saga_id, seq, previous, content)


def forge(saga_id: UUID, seq: int, previous: str, content: Mapping[str, object]) -> Link:
    body = canonical_of_built(content)
    return Link(saga_id, seq, sha256_hex(previous.encode() + b"\n" + body), body.decode())


def check(links: Iterable[Link]) -> str:
    """The head of a whole chain, in order. Raises HistoryBroken at the first link that does not fit."""
    head = GENESIS
    for expected, link in enumerate(links, start=1):
        content = json.loads(link.content)
        if link.seq != expected or content["seq"] != expected or content["saga"] != str(link.saga_id):
            raise HistoryBroken(f"link {expected}: another one stands in its place")
        if sha256_hex(head.encode() + b"\n" + canonical(content)) != link.hash:
            raise HistoryBroken(f"link {expected}: its content or the one before was changed")
        head = link.hash
    return head
