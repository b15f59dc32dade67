"""The event of a rung that rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Escalated:
    """A rung rings. `calls`: whom, as the law library names them. `due_at`: when it was to ring."""

    at: datetime
    rung: str
    calls: str
    policy: str
    due_at: datetime
