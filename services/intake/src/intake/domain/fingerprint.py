"""Keyed hashes that tell whether the same request came again.

Keyed, because they cover identifiers: without the key nobody can find out whose request a stored row is by trying
addresses.
"""

from __future__ import annotations

import hmac
from datetime import UTC
from typing import TYPE_CHECKING

from lethe_events.canonical import canonical

if TYPE_CHECKING:
    from intake.domain.model import Submission

KEY_BYTES = 32
STORED_KEY_BYTES = 16


def request_fingerprint(secret: bytes, submission: Submission) -> bytes:
    """HMAC-SHA-256 over what was asked, after normalisation.

    Order of members, white space and case of an address make no other request. This form is compared with rows
    stored long ago: never change it.
    """
    stated = submission.stated_received_at
    content = {
        "channel": submission.channel.value,
        "controller_id": submission.controller_id,
        "country": submission.country,
        "export_first": submission.export_first,
        "identifiers": {kind: sorted(values) for kind, values in submission.identifiers.items()},
        "identity": submission.identity,
        "note": submission.note,
        "received_at": stated.astimezone(UTC).isoformat() if stated else None,
        "right": submission.right.value,
    }
    return hmac.digest(secret, b"dsr\n" + canonical(content), "sha256")


def stored_key(secret: bytes, controller_id: str, idempotency_key: str) -> bytes:
    """What is kept of an idempotency key: 16 bytes of an HMAC, because callers put all sorts of things into keys."""
    return hmac.digest(secret, f"key\n{controller_id}\n{idempotency_key}".encode(), "sha256")[:STORED_KEY_BYTES]
