"""Which topic goes to which handler, and messages into their form on the bus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid5

import structlog

from lethe_events import Envelope, SearchRequested, encode
from lethe_events.topics import BREACH_ANSWERS, TASKS_EXPORT
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from export_worker.application.searching import Searches
    from lethe_events import Record, SearchAnswered
    from lethe_events.topics import Topic
    from lethe_messaging import Handler, Message, Work
    from lethe_processors.worker import Desk

_PAUSE = 2.0  # seconds after an engine was away


def handlers(desk: Desk[Message], searches: Searches) -> Mapping[Topic, Handler]:
    async def accept(work: Work, messages: Sequence[Message]) -> None:
        """Searches for the case of a breach go their own way; everything else is a task of a saga."""
        mine = [m for m in messages if isinstance(m.received.body, SearchRequested)]
        if mine:
            await searches.accept(work, mine)
        if len(mine) < len(messages):
            await desk.accept(work, [m for m in messages if not isinstance(m.received.body, SearchRequested)])

    return {TASKS_EXPORT: accept}


def told(answer: SearchAnswered, source: str) -> Record:
    """The same answer gives the same message, at any time."""
    id_ = uuid5(answer.task_id, "answer")
    envelope = Envelope(id_, source, answer.at, answer.case_id, answer.task_id)
    return encode(BREACH_ANSWERS.name, str(answer.case_id), answer, envelope)


async def keep_searching(searches: Searches) -> None:
    """Until cancelled; an engine that is away is waited for."""
    while True:
        try:
            wait = await searches.step()
        except Exception as error:
            if not is_transient(error):
                raise
            structlog.get_logger(__name__).warning("a search waits", error=type(error).__name__)
            wait = _PAUSE
        await asyncio.sleep(wait)
