"""Which topic goes to which handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.topics import TASKS_ERASURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_events.topics import Topic
    from lethe_messaging import Handler, Message
    from lethe_processors.worker import Desk


def handlers(desk: Desk[Message]) -> Mapping[Topic, Handler]:
    return {TASKS_ERASURE: desk.accept}
