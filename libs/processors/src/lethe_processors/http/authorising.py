"""The headers by which a vendor lets us in: read from a secret, or fetched as a token and kept until before its end.

Own code instead of a library: the ones there are fetch tokens with a blocking client, or bring a client of their own
that knows neither this one's limits nor its silence in logs.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote_plus, urlencode

from lethe_processors.errors import CredentialMissing
from lethe_processors.http.authentication import ApiKeyHeader, Basic, Bearer, OAuth2
from lethe_processors.http.errors import Nonsense, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from lethe_processors.credentials import Credentials
    from lethe_processors.http.authentication import Auth
    from lethe_processors.http.replies import Reply

    Fetch = Callable[[Mapping[str, str], bytes], Awaitable[Reply]]

_EARLY = 60.0
"""Seconds before its end at which a token is fetched anew; a fifth of its life if that is shorter."""
_AGAIN = 5.0
"""Seconds until the next try to fetch anew, while the old token is still good."""
_UNSAID = 3600.0
"""Seconds for which a token is used whose server does not say how long it is good; a 401 ends it sooner."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Authoriser(Protocol):
    async def headers(self) -> Mapping[str, str]:
        """Raises Trouble."""
        ...

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        """Whether there are other headers than those that the vendor has just refused. Raises Trouble."""
        ...


class Fixed:
    """A secret as it is; read again when the vendor refuses it, because it may have been rotated."""

    def __init__(self, auth: Auth, credentials: Credentials) -> None:
        """Raises CredentialMissing."""
        self._auth = auth
        self._credentials = credentials
        self._headers = _of_secret(auth, credentials)

    async def headers(self) -> Mapping[str, str]:
        return self._headers

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        try:
            self._headers = _of_secret(self._auth, self._credentials)
        except CredentialMissing:
            raise Refused("credential_missing") from None
        return self._headers != refused


class Tokens:
    """Client credentials: one token for all calls of this process, fetched by one of them while the others wait."""

    def __init__(self, auth: OAuth2, credentials: Credentials, fetch: Fetch, clock: Callable[[], float]) -> None:
        """`fetch` posts headers and a form to the token server. Raises CredentialMissing."""
        self._auth = auth
        self._credentials = credentials
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._headers: Mapping[str, str] = {}
        self._renew_at = self._ends_at = float("-inf")
        _client(auth, credentials)

    async def headers(self) -> Mapping[str, str]:
        if self._clock() >= self._renew_at:
            async with self._lock:
                if self._clock() >= self._renew_at:
                    await self._renew()
        return self._headers

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        async with self._lock:
            if self._headers == refused:
                self._renew_at = self._ends_at = float("-inf")
                await self._renew()
        return self._headers != refused

    async def _renew(self) -> None:
        try:
            token, seconds = await self._ask()
        except Unavailable:
            if self._clock() >= self._ends_at:
                raise
            self._renew_at = self._clock() + _AGAIN
            return
        now = self._clock()
        self._headers = {"authorization": f"Bearer {token}"}
        self._ends_at = now + seconds
        self._renew_at = self._ends_at - min(_EARLY, seconds / 5)

    async def _ask(self) -> tuple[str, float]:
        try:
            user, secret = _client(self._auth, self._credentials)
        except CredentialMissing:
            raise Refused("credential_missing") from None
        form = {"grant_type": "client_credentials", "scope": self._auth.scope, "audience": self._auth.audience}
        headers: dict[str, str] = {}
        if self._auth.client_auth == "header":
            headers = {"authorization": _basic(quote_plus(user), quote_plus(secret))}
        else:
            form |= {"client_id": user, "client_secret": secret}
        reply = await self._fetch(headers, urlencode({k: v for k, v in form.items() if v is not None}).encode())
        if reply.status in _REFUSALS:
            raise Refused("credentials_refused")
        return _token(reply)


def authoriser_of(auth: Auth, credentials: Credentials, fetch: Fetch, clock: Callable[[], float]) -> Authoriser:
    """Raises CredentialMissing."""
    return Tokens(auth, credentials, fetch, clock) if isinstance(auth, OAuth2) else Fixed(auth, credentials)


def _token(reply: Reply) -> tuple[str, float]:
    """The token and the seconds that it is good for. Raises Nonsense."""
    told = reply.json()
    if not isinstance(told, dict):
        raise Nonsense
    token, kind, seconds = told.get("access_token"), told.get("token_type", "bearer"), told.get("expires_in", _UNSAID)
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or str(kind).lower() != "bearer":
        raise Nonsense
    try:
        life = float(seconds)
    except (TypeError, ValueError):
        raise Nonsense from None
    if not life > 0:  # nor "not a number"
        raise Nonsense
    return token, life


def _client(auth: OAuth2, credentials: Credentials) -> tuple[str, str]:
    return _plain_or_reference(auth.client_id, credentials), credentials.resolve(auth.client_secret)


def _of_secret(auth: Auth, credentials: Credentials) -> Mapping[str, str]:
    if isinstance(auth, Bearer):
        return {"authorization": f"Bearer {credentials.resolve(auth.token)}"}
    if isinstance(auth, Basic):
        return {
            "authorization": _basic(_plain_or_reference(auth.user, credentials), credentials.resolve(auth.password))
        }
    if isinstance(auth, ApiKeyHeader):
        return {auth.header: credentials.resolve(auth.key)}
    return {}


def _plain_or_reference(name: str, credentials: Credentials) -> str:
    return credentials.resolve(name) if name.startswith(("env:", "file:")) else name


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
