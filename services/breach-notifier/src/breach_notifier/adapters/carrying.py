"""The courier of this process, and how it is stopped in good order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_delivery import Courier, Policy, SmtpMailer
from lethe_events.ids import uuid5

if TYPE_CHECKING:
    from uuid import UUID

    from lethe_delivery import Composer, SentLog, SmtpSettings
    from lethe_postgres import Database


class Carrying:
    """Letters by e-mail. `per_second`: over all instances."""

    def __init__(  # noqa: PLR0917 - its parts
        self,
        database: Database,
        instance: UUID,
        smtp: SmtpSettings,
        composer: Composer,
        per_second: float | None,
        sent_log: SentLog | None,
    ) -> None:
        # what a relay was given it has written down or lost within seconds; a frozen one is told by its own timeout
        settle = timedelta(seconds=60) if sent_log is None else timedelta(seconds=5)
        self._courier = Courier(
            database,
            uuid5(instance, "letters"),  # its lock is not that of the bus
            channel="email",
            mailer=SmtpMailer(smtp),
            composer=composer,
            policy=Policy(per_second=per_second, settle_after=settle, look_around=timedelta(seconds=1)),
            sent_log=sent_log,
        )
        self._stop = asyncio.Event()
        self._idle = asyncio.Event()
        self._begun = False

    async def run(self) -> None:
        """Background part: until `stop`, then it waits to be cancelled."""
        self._begun = True
        try:
            await self._courier.run(self._stop)
        finally:
            self._idle.set()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Finish and settle the window under way."""
        self._stop.set()
        if self._begun:
            await self._idle.wait()
