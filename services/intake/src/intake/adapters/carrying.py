"""Couriers of this process, one per channel that is set up, and how they are stopped in good order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from intake.application.letters import CHANNEL
from lethe_delivery import Courier, Policy, SmsWebhook, SmtpMailer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lethe_delivery import Composer, Mailer, SmsSettings, SmtpSettings
    from lethe_postgres import Database

_POLICY = Policy(first_pause=timedelta(seconds=5), longest_pause=timedelta(minutes=2), max_attempts=10)
"""A code is of use for minutes."""


class Couriers:
    def __init__(
        self,
        database: Database,
        composer: Composer,
        entropy: Callable[[int], bytes],
        *,
        smtp: SmtpSettings | None,
        sms: SmsSettings | None,
        letters: Composer | None = None,
        letter_policy: Policy | None = None,
    ) -> None:
        """`letters`: composes those of sagas; None: there are none to carry."""
        mailers: dict[str, Callable[[], Mailer]] = {}
        if smtp is not None:
            mailers["email"] = lambda: SmtpMailer(smtp)
            if letters is not None:
                mailers[CHANNEL] = lambda: SmtpMailer(smtp)
        if sms is not None:
            mailers["sms"] = lambda: SmsWebhook(sms)
        self._couriers: Mapping[str, Courier] = {
            channel: Courier(
                database,
                UUID(bytes=entropy(16), version=4),
                channel=channel,
                mailer=make(),
                composer=letters if channel == CHANNEL and letters is not None else composer,
                policy=letter_policy if channel == CHANNEL else _POLICY,
            )
            for channel, make in mailers.items()
        }
        self._stop = asyncio.Event()
        self._idle = asyncio.Event()

    @property
    def channels(self) -> frozenset[str]:
        """By which a code can be sent."""
        return frozenset(self._couriers) - {CHANNEL}

    async def run(self) -> None:
        """Background part: until `stop`, then it waits to be cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for courier in self._couriers.values():
                    group.create_task(courier.run(self._stop))
        finally:
            self._idle.set()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Finish and settle what is under way."""
        self._stop.set()
        await self._idle.wait()
