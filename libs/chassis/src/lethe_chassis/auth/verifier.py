"""Checks bearer tokens (RFC 8725) and remembers those that passed."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import jwt
import structlog

from lethe_chassis.auth.jwks import RemoteKeys
from lethe_chassis.auth.keys import VerificationKey, read_public_key
from lethe_chassis.auth.principal import Principal
from lethe_chassis.errors import Unauthorised, Unavailable
from lethe_chassis.health import Unhealthy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from lethe_chassis.auth.settings import AuthSettings

_MAX_TOKEN = 8192
_RETRY_S = 15.0
_CLAIMS = ("iss", "aud", "sub", "exp")
_TYPES = frozenset({"JWT", "AT+JWT", "APPLICATION/AT+JWT"})


class TokenVerifier:
    """An `Authenticator` for JWTs signed by one issuer.

    The algorithm is decided by the kind of key, never by the token. A token that passed is remembered by its
    SHA-256 until it expires (at most `cache_size` of them, least recently used first out); all are forgotten when
    the issuer's keys change.
    """

    def __init__(
        self,
        settings: AuthSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        cache_size: int = 4096,
    ) -> None:
        """Raises ValueError if the public key file holds no acceptable key."""
        self._settings = settings
        self._clock = clock
        self._cache_size = cache_size
        self._passed: OrderedDict[bytes, Principal] = OrderedDict()
        self._generation = 0
        self._local: VerificationKey | None = None
        self._remote: RemoteKeys | None = None
        if settings.public_key is not None:
            self._local = read_public_key(settings.public_key)
        else:
            self._remote = RemoteKeys(
                issuer=settings.issuer,
                jwks_url=settings.jwks_url,
                discovery=settings.discovery,
                transport=transport,
            )

    async def authenticate(self, token: str) -> Principal:
        if self._remote is not None and self._generation != self._remote.generation:
            self._passed.clear()
            self._generation = self._remote.generation
        digest = hashlib.sha256(token.encode()).digest()
        found = self._passed.get(digest)
        if found is not None and found.expires_at > self._clock():
            self._passed.move_to_end(digest)
            return found
        principal = await self._verify(token)
        self._passed[digest] = principal
        if len(self._passed) > self._cache_size:
            self._passed.popitem(last=False)
        return principal

    async def keep_fresh(self) -> None:
        """Fetches the issuer's keys again and again; a failure keeps the old ones and is told by `check`."""
        log = structlog.get_logger(__name__)
        while True:
            pause_s = 3600.0
            if self._remote is not None:
                try:
                    await self._remote.refresh()
                    pause_s = self._remote.refresh_s
                except ConnectionError as error:
                    log.warning("the keys of the token issuer could not be fetched", error=type(error).__name__)
                    pause_s = _RETRY_S
            await asyncio.sleep(pause_s)

    async def check(self) -> Mapping[str, object]:
        if self._remote is not None and not self._remote.usable:
            raise Unhealthy("no keys of the token issuer: look at LETHE_AUTH_JWKS_URL or LETHE_AUTH_DISCOVERY")
        return {"source": "file" if self._remote is None else "issuer"}

    async def close(self) -> None:
        if self._remote is not None:
            await self._remote.close()

    async def _verify(self, token: str) -> Principal:
        header = _header(token)
        key = await self._key(header.get("kid"))
        if key is None or header.get("alg") not in key.algorithms:
            raise _refuse("it is not signed with a key of the issuer")
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[str(header["alg"])],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_s,
                options={"require": list(_CLAIMS)},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthorised(
                "token_expired", "The token has expired: get a new one.", error="invalid_token"
            ) from None
        except jwt.PyJWTError as error:
            raise _refuse(_REASONS.get(type(error), "its claims are not acceptable")) from None
        return _principal(claims)

    async def _key(self, kid: object) -> VerificationKey | None:
        if self._local is not None:
            return self._local
        assert self._remote is not None
        try:
            return await self._remote.find(kid if isinstance(kid, str) else None)
        except ConnectionError:
            raise Unavailable(
                "keys_unavailable",
                "The keys to check the token with cannot be had. Nothing was changed.",
                retry_after=5,
            ) from None


_REASONS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.InvalidSignatureError: "it is not signed with a key of the issuer",
    jwt.InvalidAudienceError: "it is meant for another audience",
    jwt.InvalidIssuerError: "it comes from another issuer",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.MissingRequiredClaimError: f"it lacks one of {', '.join(_CLAIMS)}",
}


def _refuse(reason: str) -> Unauthorised:
    return Unauthorised("token_invalid", f"The token is not accepted: {reason}.", error="invalid_token")


def _header(token: str) -> Mapping[str, object]:
    """Raises Unauthorised for what is not a compact JWS, or asks for something this reader must not ignore."""
    if len(token) > _MAX_TOKEN:
        raise _refuse("it is too long")
    try:
        header: Mapping[str, object] = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise _refuse("it is not a JWT") from None
    if "crit" in header or str(header.get("typ", "JWT")).upper() not in _TYPES:
        raise _refuse("its header asks for something else")
    return header


def _principal(claims: Mapping[str, object]) -> Principal:
    controllers = claims.get("controller_id", ())
    scope = claims.get("scope", "")
    processor = claims.get("processor_id")
    if isinstance(controllers, str):
        controllers = (controllers,)
    if not isinstance(controllers, list | tuple) or not all(isinstance(c, str) for c in controllers):
        raise _refuse("its controller_id is neither a string nor a list of strings")
    if not isinstance(scope, str) or not (processor is None or isinstance(processor, str)):
        raise _refuse("its scope or processor_id is not a string")
    expires = claims["exp"]
    if not isinstance(expires, int | float):
        raise _refuse("its exp is not a number")
    return Principal(str(claims["sub"]), frozenset(controllers), frozenset(scope.split()), processor, float(expires))
