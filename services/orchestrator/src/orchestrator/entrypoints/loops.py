"""Background parts: steps that are taken again and again, and outlive an engine that is away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from lethe_events.topics import Topic
    from lethe_messaging import Handler
    from orchestrator.application.consents import Consents
    from orchestrator.application.take import Take
    from orchestrator.application.timers import Timers
    from orchestrator.application.topics import Topics

_FIRST_PAUSE = 0.1  # seconds
_LONGEST_PAUSE = 0.5  # an engine that is back must not be waited for


def handlers(take: Take, consents: Consents, topics: Topics) -> Mapping[Topic, Handler]:
    """Topic → what handles a batch of it."""
    return {topics.requests: take.requests, topics.acks: take.acks, topics.subject_events: consents.subjects}


async def keep_stepping(name: str, step: Callable[[], Awaitable[float]]) -> None:
    """Until cancelled. `step` gives the seconds until the next one; a transient error is waited out.

    Any other error ends the part, and with it the service: it would look healthy and do nothing.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            wait = await step()
            pause = _FIRST_PAUSE
        except Exception as error:
            if not is_transient(error):
                raise
            structlog.get_logger(__name__).warning("a step failed", component=name, error=type(error).__name__)
            wait, pause = pause, min(pause * 2, _LONGEST_PAUSE)
        await asyncio.sleep(wait)


async def fire_timers(timers: Timers) -> float:
    """One step of the timers; a saga whose moment cannot be handled is put off, not waited for."""
    try:
        return await timers.step()
    except Exception as error:
        if is_transient(error):
            raise
        log = structlog.get_logger(__name__)
        log.exception("a batch of timers failed", component="timers")
        put_off = await timers.one_by_one()
        log.warning("sagas were put off: see the error above", component="timers", size=put_off)
        return 0.0
