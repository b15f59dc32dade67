"""Messages that leave intake once per DSR, after the one that it came in with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events import Envelope, encode
from lethe_events.ids import uuid5

if TYPE_CHECKING:
    from lethe_events import DsrIdentityVerified, DsrWithdrawn, Record

SOURCE = "/lethe/intake"


def told_once(topic: str, body: DsrWithdrawn | DsrIdentityVerified, what: str, traceparent: str | None) -> Record:
    """Its id follows from DSR and `what`: never change it, it is what a repeat is known by."""
    envelope = Envelope(
        id=uuid5(body.dsr_id, f"intake/{what}"),
        source=SOURCE,
        time=body.at,
        correlation_id=body.dsr_id,
        causation_id=body.dsr_id,
        traceparent=traceparent,
    )
    return encode(topic, str(body.dsr_id), body, envelope)
