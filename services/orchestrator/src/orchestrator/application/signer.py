"""The port through which certificates and seals are signed."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    @property
    def key_id(self) -> str: ...

    def sign(self, data: bytes) -> str:
        """Ed25519 over `data`: base64url without padding, 86 characters."""
        ...
