"""Tokens of a local issuer: the demo, the tests, small deployments without an OpenID provider."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lethe_client.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta
    from pathlib import Path

SCOPES = (
    "dsr:write",
    "dsr:read",
    "identity:check",
    "package:read",
    "saga:read",
    "saga:act",
    "register:read",
    "register:write",
    "part:write",
    "vault:redeem",
    "messaging:read",
    "messaging:act",
    "breach:report",
    "breach:signal",
    "breach:read",
    "breach:act",
)


def issue(
    key_file: Path,
    *,
    subject: str,
    controllers: Sequence[str],
    scopes: Sequence[str],
    ttl: timedelta,
    issuer: str,
    audience: str = "lethe",
    processor_id: str | None = None,
    clock: Callable[[], float] = time.time,
) -> str:
    """A token (EdDSA JWT) signed with the Ed25519 key of `key_file`. Raises BadInput for a wrong key or scope."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise BadInput(f"unknown scope {', '.join(unknown)}: there are {' '.join(SCOPES)}")
    now = int(clock())
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": now,
        "exp": now + int(ttl.total_seconds()),
        "scope": " ".join(scopes),
        "controller_id": list(controllers),
    }
    if processor_id is not None:
        claims["processor_id"] = processor_id
    return jwt.encode(claims, _key(key_file), algorithm="EdDSA")


def _key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}: name the private key of the local issuer with --key") from error
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path} is not a private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(f"{path} is not an Ed25519 key")
    return key
