"""A token issuer for one machine: the demo, the tests and small deployments without an OpenID provider."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta
    from pathlib import Path


class LocalIssuer:
    """Signs tokens (EdDSA) with an Ed25519 key from a file."""

    def __init__(
        self,
        key_file: Path,
        *,
        issuer: str = "https://issuer.lethe.example",
        audience: str = "lethe",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises ValueError if the file holds anything but an unencrypted Ed25519 private key in PEM."""
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{key_file.name} is not an Ed25519 private key")  # noqa: TRY004 - content of a file
        self._key = key
        self.issuer = issuer
        self.audience = audience
        self._clock = clock

    @staticmethod
    def create(private: Path, public: Path) -> None:
        """Write a new key pair: the private key readable by its owner only. Raises FileExistsError, never replaces."""
        key = Ed25519PrivateKey.generate()
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def issue(
        self,
        subject: str,
        controller_id: str | Sequence[str],
        scopes: Sequence[str],
        ttl: timedelta,
        *,
        processor_id: str | None = None,
    ) -> str:
        now = int(self._clock())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "iat": now,
            "exp": now + int(ttl.total_seconds()),
            "scope": " ".join(scopes),
            "controller_id": controller_id if isinstance(controller_id, str) else list(controller_id),
        }
        if processor_id is not None:
            claims["processor_id"] = processor_id
        return jwt.encode(claims, self._key, algorithm="EdDSA")
