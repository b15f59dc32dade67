"""What the audit log publishes. The rules of `models` hold here as well."""

from __future__ import annotations

from typing import ClassVar

from lethe_events.models import Code, Instant, Message, Natural, Positive, Sha256, Signature


class AuditSealed(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A signed root over the heads of all audit chains, published so that rewriting the store shows."""

    TYPE: ClassVar[str] = "lethe.audit.sealed.v1"
    seal: Positive
    at: Instant
    chains: Natural
    root: Sha256
    previous: Sha256
    key_id: Code
    signature: Signature
