"""Calls of people on call by a webhook, in the shapes that receivers know: Alertmanager and PagerDuty.

Alertmanager: `POST /api/v2/alerts`. PagerDuty: Events API v2, `POST /v2/enqueue`. What is said comes from the caller;
it may hold no personal data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

PATIENCE_S: Final = 12.0
"""How long one call may take, in seconds."""
_LASTS: Final = timedelta(days=7)
"""How long Alertmanager keeps an alert that nobody resolves."""
_RESOLVED: Final = timedelta(minutes=5)


class WebhookShape(StrEnum):
    ALERTMANAGER = "alertmanager"
    PAGERDUTY = "pagerduty"


@dataclass(frozen=True, slots=True)
class Alert:
    """`name`, `labels`: what makes it the same alert again. `group`: one incident at PagerDuty.

    `component`, `about`, `details`: for whoever reads it there. `source`: who calls.
    """

    name: str
    group: str
    summary: str
    severity: str
    source: str
    component: str
    about: str
    at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    resolves: bool = False


def alertmanager(alert: Alert) -> list[dict[str, object]]:
    """The body of `POST /api/v2/alerts`. Labels make the alert: a resolution has to carry those that it had."""
    return [
        {
            "labels": {
                "alertname": alert.name,
                "severity": "info" if alert.resolves else alert.severity,
                **alert.labels,
            },
            "annotations": {"summary": alert.summary, **alert.annotations},
            "startsAt": alert.at.isoformat(),
            "endsAt": (alert.at + (_RESOLVED if alert.resolves else _LASTS)).isoformat(),
        }
    ]


def pagerduty(alert: Alert, routing_key: str) -> dict[str, object]:
    """The body of `POST /v2/enqueue`. All events of a group have one deduplication key."""
    event: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": "resolve" if alert.resolves else "trigger",
        "dedup_key": alert.group,
    }
    if not alert.resolves:
        event["payload"] = {
            "summary": alert.summary,
            "source": alert.source,
            "severity": alert.severity,
            "timestamp": alert.at.isoformat(),
            "component": alert.component,
            "class": alert.about,
            "custom_details": dict(alert.details),
        }
    return event


async def post(client: httpx.AsyncClient, shape: WebhookShape, url: str, key: str, alert: Alert) -> str | None:
    """One call. Gives None when it was taken, else why not, as a code. `key`: routing key, or a bearer token."""
    body: Any = pagerduty(alert, key) if shape is WebhookShape.PAGERDUTY else alertmanager(alert)
    headers = {"Authorization": f"Bearer {key}"} if key and shape is WebhookShape.ALERTMANAGER else {}
    try:
        answer = await client.post(url, json=body, headers=headers, timeout=PATIENCE_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return None if answer.is_success else f"status_{answer.status_code}"
