"""Which holds of controllers cover which sagas, as they begin and end to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


class Touched(NamedTuple):
    """A hold began to cover a saga (`until` None), or no longer does."""

    hold_id: UUID
    saga_id: UUID
    since: datetime
    until: datetime | None
