"""Keyed hashes that tell whether the same request came again.

Keyed, because they cover identifiers: without the key nobody can find out whose request a stored row is by trying
addresses.
"""

from __future__ import annotations

import hmac
import json
from datetime import UTC
from typing import TYPE_CHECKING

from intake.domain.asked import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from intake.domain.model import Submission

KEY_BYTES = 32
STORED_KEY_BYTES = 16


class Fingerprints:
    """HMAC-SHA-256 under one secret of at least 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        """Raises ValueError for a shorter secret."""
        if len(secret) < KEY_BYTES:
            raise ValueError(f"the secret has {len(secret)} bytes, {KEY_BYTES} are needed")
        self._keyed = hmac.new(secret, digestmod="sha256")  # copied for each hash: keying is the slow part

    def of_request(self, submission: Submission) -> bytes:
        """Over what was asked, after normalisation.

        Order of members, white space and case of an address make no other request. This form is compared with rows
        stored long ago: never change it.
        """
        stated = submission.stated_received_at
        fields = [
            "dsr",
            submission.controller_id,
            submission.right,
            "export_first" if submission.export_first else "",
            submission.channel,
            submission.country,
            submission.identity,
            stated.astimezone(UTC).isoformat() if stated else "",
            "" if submission.note is None else f"note {submission.note}",
        ]
        if submission.doubt is not None:
            fields.append(f"doubt {submission.doubt}")
        if submission.mandate is not None:
            fields.append(f"mandate {submission.mandate}")
        if submission.particulars is not PLAIN:
            asked = [submission.particulars.said(), dict(submission.corrections)]
            fields.append(f"asked {json.dumps(asked, sort_keys=True, ensure_ascii=True)}")
        for kind in sorted(submission.identifiers):
            values = submission.identifiers[kind]
            fields += [kind, str(len(values)), *sorted(values)]
        return self._hash(fields)

    def of_key(self, controller_id: str, idempotency_key: str) -> bytes:
        """What is kept of an idempotency key: 16 bytes, no text, because callers put all sorts of things into keys."""
        return self._hash(("key", controller_id, idempotency_key))[:STORED_KEY_BYTES]

    def of_fields(self, fields: Iterable[str]) -> bytes:
        """Over anything else that is kept as a keyed hash only; the first field says what it is."""
        return self._hash(fields)

    def of_people(self, submission: Submission) -> list[bytes]:
        """By which a person who exercises this right is known: one hash per identifier, 16 bytes each."""
        who = ("person", submission.controller_id, submission.right)
        return [
            self._hash((*who, kind, value))[:STORED_KEY_BYTES]
            for kind, values in submission.identifiers.items()
            for value in values
        ]

    def _hash(self, fields: Iterable[str]) -> bytes:
        """Each field with its length, so that no two lists of fields give the same bytes."""
        keyed = self._keyed.copy()
        keyed.update("".join([f"{len(field)}:{field}," for field in fields]).encode())
        return keyed.digest()
