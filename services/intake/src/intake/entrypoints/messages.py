"""What intake hears on the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.application.follow import follow
from lethe_events import DsrStatus
from lethe_events.topics import STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from intake.application.ports import Meters, Store
    from lethe_events.topics import Topic
    from lethe_messaging import Handler, Message, Work


def handlers(store: Store, meters: Meters) -> Mapping[Topic, Handler]:
    async def on_status(work: Work, messages: Sequence[Message]) -> None:
        statuses: list[DsrStatus] = []
        for message in messages:
            body = message.received.body
            if isinstance(body, DsrStatus):
                statuses.append(body)
            else:
                work.park(message, "unexpected_type", f"{message.received.type} on {message.topic}")
        await follow(work, statuses, store, meters)

    return {STATUS: on_status}
