"""Calls of on-call: their rows, and the shapes in which they are sent.

No receiver is told anything about the people affected, only that a case is there and how much time it has.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from breach_notifier.adapters.store import PACKAGE
from breach_notifier.application.ports import CallRefused, DueCall
from lethe_delivery import oncall
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import timedelta

    import httpx

    from lethe_postgres import Database

PATIENCE_S: Final = 12.0
"""Shorter than the first pause: whoever makes a call has given up before somebody else may make it again."""
_URGENT = frozenset({"on_call:page", "on_call:due"})


class Shape(StrEnum):
    ALERTMANAGER = "alertmanager"
    PAGERDUTY = "pagerduty"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Receiver:
    """`key`: PagerDuty's routing key, or a bearer token. `to`: an address of e-mail, instead of `url`."""

    name: str
    shape: Shape
    url: str = ""
    key: str = ""
    to: str = ""


class PostgresCalls:
    """Implements `CallStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(PACKAGE)

    async def claim(self, limit: int, pause: timedelta, receivers: Collection[str], *, others: bool) -> list[DueCall]:
        rows = await self._database.fetch(self._sql["claim_calls"], limit, pause, sorted(receivers), others)
        return [DueCall(*row) for row in rows]

    async def taken(self, calls: Sequence[DueCall]) -> None:
        await self._database.execute(self._sql["calls_taken"], [c.id for c in calls], [c.receiver for c in calls])

    async def failed(self, calls: Sequence[tuple[DueCall, str, bool]]) -> None:
        await self._database.execute(
            self._sql["calls_failed"],
            [c.id for c, _, _ in calls],
            [c.receiver for c, _, _ in calls],
            [trouble for _, trouble, _ in calls],
            [gone for _, _, gone in calls],
        )


class Channel(Protocol):
    """One way to reach a receiver. Raises CallRefused."""

    async def call(self, receiver: Receiver, call: DueCall) -> None: ...


class Channels:
    """Implements `Caller`: each receiver by the shape that it wants, and none for longer than `PATIENCE_S`."""

    def __init__(self, receivers: Mapping[str, Receiver], channels: Mapping[Shape, Channel]) -> None:
        self._receivers = receivers
        self._channels = channels

    async def call(self, call: DueCall) -> None:
        receiver = self._receivers.get(call.receiver)
        if receiver is None:
            raise CallRefused("not_configured", gone=True)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._channels[receiver.shape].call(receiver, call)
        except TimeoutError:
            raise CallRefused("timeout") from None


class Webhooks:
    """A `Channel` for Alertmanager and PagerDuty."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(self, receiver: Receiver, call: DueCall) -> None:
        trouble = await oncall.post(
            self._client, oncall.WebhookShape(receiver.shape), receiver.url, receiver.key, alert_of(call)
        )
        if trouble is not None:
            raise CallRefused(trouble)


def summary(call: DueCall) -> str:
    due = "" if call.due is None else f", to be notified by {call.due:%Y-%m-%d %H:%M} UTC"
    return f"Possible personal data breach at {call.controller_id}: {call.about.replace('_', ' ')}{due}"


def severity(call: DueCall) -> str:
    return "critical" if call.about in _URGENT or call.about in {"suspected", "aware"} else "warning"


def alert_of(call: DueCall) -> oncall.Alert:
    """One alert per case and cause; all events of a case are one incident, resolved when nobody has to come."""
    case = str(call.case_id)
    return oncall.Alert(
        name="LetheBreachCase",
        group=f"lethe-breach-{case}",
        summary=summary(call),
        severity=severity(call),
        source="lethe-breach-notifier",
        component=call.controller_id,
        about=call.about,
        at=call.created_at,
        labels={"controller": call.controller_id, "case": case, "about": call.about},
        details={"case": case, "state": call.state},
        annotations={"state": call.state},
        resolves=call.resolves,
    )
