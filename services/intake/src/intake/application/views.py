"""What intake shows of a DSR, and what the bus tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Told:
    """A state of a saga as told on `dsr.status`; `body` is the message as JSON values."""

    dsr_id: UUID
    controller_id: str
    version: int
    state: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DsrView:
    """One DSR as stored. `told` is empty until the first status arrives."""

    dsr_id: UUID
    controller_id: str
    right: str
    export_first: bool
    channel: str
    country: str
    identifier_kinds: tuple[str, ...]
    received_at: datetime
    accepted_at: datetime
    due_strict: datetime
    due_legal: datetime
    due_date: date
    rule: str
    state: str
    told: Mapping[str, object]
    withdrawn_at: datetime | None
    identity: str
    doubt: str | None
    verified_at: datetime | None
    verified_by_method: str | None
    repeats: UUID | None
    patterns: tuple[str, ...]
    requests: int | None
    parent_id: UUID | None
    asked: Mapping[str, object]
    """What was asked beside the right; nothing in it names the person."""
    transmission: Mapping[str, object] | None
    """How far the copy is on its way to another controller."""
