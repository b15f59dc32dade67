"""What intake hears on the bus: `dsr.status`, `dsr.letters`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from intake.application.follow import follow
from lethe_events import DsrStatus, LetterRequested
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from intake.application.letters import LetterDesk, LetterTelling
    from intake.application.ports import Meters, Store
    from lethe_messaging import Handler, Message, Work


_PAUSE_S = 1.0


async def keep_telling(telling: LetterTelling) -> None:
    """Until cancelled. A transient error is waited out; any other ends the service, which would look healthy."""
    while True:
        try:
            wait = await telling.step()
        except Exception as error:
            if not is_transient(error):
                raise
            structlog.get_logger(__name__).warning("reports of letters wait", error=type(error).__name__)
            wait = _PAUSE_S
        await asyncio.sleep(wait)


def on_letters(desk: LetterDesk) -> Handler:
    """Handler of `dsr.letters`."""

    async def handle(work: Work, messages: Sequence[Message]) -> None:
        asked: list[LetterRequested] = []
        for message in messages:
            body = message.received.body
            if isinstance(body, LetterRequested):
                asked.append(body)
            else:
                work.park(message, "unexpected_type", f"{message.received.type} on {message.topic}")
        await desk.take(work, asked)

    return handle


def on_status(store: Store, meters: Meters) -> Handler:
    """Handler of `dsr.status`: one statement for a whole batch."""

    async def handle(work: Work, messages: Sequence[Message]) -> None:
        statuses: list[DsrStatus] = []
        for message in messages:
            body = message.received.body
            if isinstance(body, DsrStatus):
                statuses.append(body)
            else:
                work.park(message, "unexpected_type", f"{message.received.type} on {message.topic}")
        await follow(work, statuses, store, meters)

    return handle
