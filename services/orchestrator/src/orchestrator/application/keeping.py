"""Rows beside a saga: what processors keep of it when it closes, and which holds are on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orchestrator.domain.kept_parts import number_of, overdue, rows_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from orchestrator.domain.saga import Saga


class KeptPart(NamedTuple):
    """What a processor keeps of a saga that closed, as it said last. `number`: of the closing."""

    saga_id: UUID
    number: int
    controller_id: str
    processor_id: str
    collection: str
    category: str
    rows: int
    ground: str
    article: str
    until: datetime | None
    since: datetime


class Touched(NamedTuple):
    """A hold began to cover a saga (`until` None), or no longer does."""

    hold_id: UUID
    saga_id: UUID
    since: datetime
    until: datetime | None


def kept_parts(saga: Saga, now: datetime) -> list[KeptPart]:
    """Every part, those without a date too."""
    where = (saga.id, number_of(saga), saga.controller_id)
    return [
        KeptPart(*where, p, r.collection, r.category, r.rows, r.ground, r.article, r.until, now)
        for p, r in rows_of(saga)
    ]


def kept_too_long(saga: Saga) -> list[tuple[str, str]]:
    """By processor, what is still there although its date has passed."""
    return [(processor_id, f"{row.collection}: {row.category}") for processor_id, row in overdue(saga)]
