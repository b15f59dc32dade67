"""Calls of on-call: their rows, and the two shapes of webhooks they are sent in.

Alertmanager: `POST /api/v2/alerts`. PagerDuty: Events API v2, `POST /v2/enqueue`. Neither is told anything about the
people affected, only that a case is there and how much time it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import httpx

from breach_notifier.adapters.store import PACKAGE
from breach_notifier.application.ports import CallRefused, DueCall
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lethe_postgres import Database

_TIMEOUT_S = 10.0
_URGENT = frozenset({"on_call:page", "on_call:due"})
_LASTS = timedelta(days=7)
"""How long Alertmanager keeps an alert that nobody resolves."""


class Shape(StrEnum):
    ALERTMANAGER = "alertmanager"
    PAGERDUTY = "pagerduty"


@dataclass(frozen=True, slots=True)
class Receiver:
    """`key`: PagerDuty's routing key, or a bearer token."""

    name: str
    shape: Shape
    url: str
    key: str = ""


class PostgresCalls:
    """Implements `CallStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(PACKAGE)

    async def claim(self, limit: int, pause: timedelta) -> list[DueCall]:
        return [DueCall(*row) for row in await self._database.fetch(self._sql["claim_calls"], limit, pause)]

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


class Webhooks:
    """Implements `Caller`."""

    def __init__(self, receivers: Mapping[str, Receiver], client: httpx.AsyncClient) -> None:
        self._receivers = receivers
        self._client = client

    async def call(self, call: DueCall) -> None:
        receiver = self._receivers.get(call.receiver)
        if receiver is None:
            raise CallRefused("not_configured", gone=True)
        headers: dict[str, str] = {}
        if receiver.shape is Shape.PAGERDUTY:
            body: Any = pagerduty(call, receiver.key)
        else:
            body = alertmanager(call)
            headers = {"Authorization": f"Bearer {receiver.key}"} if receiver.key else {}
        try:
            answer = await self._client.post(receiver.url, json=body, headers=headers, timeout=_TIMEOUT_S)
        except httpx.HTTPError as error:
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
