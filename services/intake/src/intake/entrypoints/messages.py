"""What intake hears on the bus: `dsr.status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.application.follow import follow
from lethe_events import DsrStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from intake.application.ports import Meters, Store
    from lethe_messaging import Handler, Message, Work


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
