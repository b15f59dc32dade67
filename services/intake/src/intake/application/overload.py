"""The gate before anything is accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from intake.domain.overload import Limits, Load, refuse_if_overloaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from intake.application.ports import Meters

from intake.domain.errors import Overloaded


class Gate:
    """Looks at the outbox every `every_s` and refuses requests while a bound is passed."""

    def __init__(
        self, measure: Callable[[], Load], meters: Meters, limits: Limits | None = None, *, every_s: float = 0.25
    ) -> None:
        self._measure = measure
        self._meters = meters
        self._limits = limits or Limits()
        self._every_s = every_s
        self._load = Load()

    def admit(self, waiting: int) -> None:
        """Raises Overloaded."""
        try:
            refuse_if_overloaded(self._load, waiting, self._limits)
        except Overloaded as refusal:
            self._meters.refused(refusal.reason)
            raise

    async def watch(self) -> None:
        """Background part: runs until cancelled."""
        while True:
            self._load = self._measure()
            await asyncio.sleep(self._every_s)
