"""How tokens are checked: against a local public key, or against the keys of an OpenID provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from lethe_chassis.env import Env

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Exactly one of `public_key`, `jwks_url` and `discovery` is set."""

    issuer: str
    audience: str = "lethe"
    public_key: Path | None = None
    jwks_url: str | None = None
    discovery: str | None = None
    leeway_s: float = 30.0
    """How far clocks may differ when `exp`, `nbf` and `iat` are checked."""

    @classmethod
    def read(cls, env: Env) -> AuthSettings:
        """LETHE_AUTH_ISSUER, _AUDIENCE, and one of _PUBLIC_KEY, _JWKS_URL and _DISCOVERY."""
        issuer = env.required("LETHE_AUTH_ISSUER", "the `iss` that tokens must have")
        public_key = env.optional_file("LETHE_AUTH_PUBLIC_KEY", "the PEM public key of the local issuer")
        jwks_url = _url(env, "LETHE_AUTH_JWKS_URL")
        discovery = _url(env, "LETHE_AUTH_DISCOVERY")
        if sum(source is not None for source in (public_key, jwks_url, discovery)) != 1:
            env.fault(
                "LETHE_AUTH_PUBLIC_KEY",
                "or another source of keys is needed, and only one",
                "set one of LETHE_AUTH_PUBLIC_KEY, LETHE_AUTH_JWKS_URL and LETHE_AUTH_DISCOVERY",
            )
        return cls(issuer, env.text("LETHE_AUTH_AUDIENCE", "lethe"), public_key, jwks_url, discovery)


def is_safe_url(url: str) -> bool:
    """Whether keys from there prove anything: https anywhere, plain http only to this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _url(env: Env, name: str) -> str | None:
    value = env.optional(name)
    if value is not None and not is_safe_url(value):
        env.fault(
            name, "is not an https URL", "set it to an https:// address (http:// is allowed to this machine only)"
        )
    return value
