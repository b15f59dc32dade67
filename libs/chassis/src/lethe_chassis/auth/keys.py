"""Verification keys and the one set of algorithms that each kind of key may be used with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PublicKey = Ed25519PublicKey | RSAPublicKey | EllipticCurvePublicKey
_MIN_RSA_BITS = 2048
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key with the algorithms it may verify. Never `none`, never a shared secret (HS*)."""

    kid: str | None
    key: PublicKey
    algorithms: frozenset[str]


def algorithms_of(key: object) -> frozenset[str]:
    """Empty for a key that is not accepted: too short, another curve, a shared secret, a private key."""
    if isinstance(key, Ed25519PublicKey):
        return frozenset({"EdDSA"})
    if isinstance(key, RSAPublicKey) and key.key_size >= _MIN_RSA_BITS:
        return _RSA
    if isinstance(key, EllipticCurvePublicKey):
        if isinstance(key.curve, SECP256R1):
            return frozenset({"ES256"})
        if isinstance(key.curve, SECP384R1):
            return frozenset({"ES384"})
    return frozenset()


def read_public_key(path: Path) -> VerificationKey:
    """A PEM public key. Raises ValueError naming the file if it holds anything else."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    algorithms = algorithms_of(key)
    if not isinstance(key, PublicKey) or not algorithms:
        raise ValueError(f"{path.name} is not a PEM public key of Ed25519, RSA from 2048 bits, P-256 or P-384")
    return VerificationKey(None, key, algorithms)


def read_jwks(document: object) -> dict[str | None, VerificationKey]:
    """The usable keys of a JWK set by kid. Keys for other uses or of other kinds are left out, as RFC 7517 §5 asks.

    Raises ValueError if the document is not a JWK set or holds no usable key.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("the JWKS document has no list `keys`")  # noqa: TRY004 - it is content, not a programming error
    found = {key.kid: key for entry in entries if isinstance(entry, dict) and (key := _read_jwk(entry)) is not None}
    if not found:
        raise ValueError("the JWKS document holds no usable signing key")
    return found


def _read_jwk(entry: Mapping[str, object]) -> VerificationKey | None:
    if entry.get("use", "sig") != "sig" or entry.get("kty") == "oct":
        return None
    try:
        key = jwt.PyJWK.from_dict(dict(entry)).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    algorithms = algorithms_of(key)
    if "alg" in entry:
        algorithms &= frozenset({str(entry["alg"])})
    kid = entry.get("kid")
    if not isinstance(key, PublicKey) or not algorithms:
        return None
    return VerificationKey(kid if isinstance(kid, str) else None, key, algorithms)
