"""Calls of on-call: their rows, and the shapes in which they are sent.

Alertmanager: `POST /api/v2/alerts`. PagerDuty: Events API v2, `POST /v2/enqueue`. Neither is told anything about the
people affected, only that a case is there and how much time it has.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx

from breach_notifier.adapters.store import PACKAGE
from breach_notifier.application.ports import CallRefused, DueCall
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lethe_postgres import Database

PATIENCE_S: Final = 12.0
"""Shorter than the first pause: whoever makes a call has given up before somebody else may make it again."""
_URGENT = frozenset({"on_call:page", "on_call:due"})
_LASTS = timedelta(days=7)
"""How long Alertmanager keeps an alert that nobody resolves."""


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
        headers: dict[str, str] = {}
        if receiver.shape is Shape.PAGERDUTY:
            body: Any = pagerduty(call, receiver.key)
        else:
            body = alertmanager(call)
            headers = {"Authorization": f"Bearer {receiver.key}"} if receiver.key else {}
        try:
            answer = await self._client.post(receiver.url, json=body, headers=headers, timeout=PATIENCE_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CallRefused(type(error).__name__) from None
        if not answer.is_success:
            raise CallRefused(f"status_{answer.status_code}")


def summary(call: DueCall) -> str:
    due = "" if call.due is None else f", to be notified by {call.due:%Y-%m-%d %H:%M} UTC"
    return f"Possible personal data breach at {call.controller_id}: {call.about.replace('_', ' ')}{due}"


def severity(call: DueCall) -> str:
    return "critical" if call.about in _URGENT or call.about in {"suspected", "aware"} else "warning"


def alertmanager(call: DueCall) -> list[dict[str, object]]:
    """One alert per case and cause. A resolution ends those of the case by name, because labels make the alert."""
    labels = {
        "alertname": "LetheBreachCase",
        "severity": "info" if call.resolves else severity(call),
        "controller": call.controller_id,
        "case": str(call.case_id),
        "about": call.about,
    }
    alert: dict[str, object] = {
        "labels": labels,
        "annotations": {"summary": summary(call), "state": call.state},
        "startsAt": call.created_at.isoformat(),
        "endsAt": (call.created_at + (timedelta(minutes=5) if call.resolves else _LASTS)).isoformat(),
    }
    return [alert]


def pagerduty(call: DueCall, routing_key: str) -> dict[str, object]:
    """All events of a case have one deduplication key: one incident there, resolved when nobody has to come."""
    event: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": "resolve" if call.resolves else "trigger",
        "dedup_key": f"lethe-breach-{call.case_id}",
    }
    if not call.resolves:
        event["payload"] = {
            "summary": summary(call),
            "source": "lethe-breach-notifier",
            "severity": severity(call),
            "timestamp": call.created_at.isoformat(),
            "component": call.controller_id,
            "class": call.about,
            "custom_details": {"case": str(call.case_id), "state": call.state},
        }
    return event
