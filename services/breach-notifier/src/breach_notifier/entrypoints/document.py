"""The API document, without any engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from breach_notifier.entrypoints.http import build_app
from lethe_chassis import HealthChecks

if TYPE_CHECKING:
    from breach_notifier.entrypoints.parts import Parts


def openapi_document() -> dict[str, object]:
    """What `docs/openapi/breach-notifier.json` holds; a test compares them."""
    app = build_app(_none, auth=None, health=HealthChecks(), unavailable=lambda _: False, registry=CollectorRegistry())
    found: dict[str, object] = app.openapi()
    return found


def _none() -> Parts:
    raise RuntimeError("the document has no service behind it")
