"""One vendor over HTTP: authentication, rate, limits, and what a status means when no rule of the profile says it."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from lethe_processors.bucket import TokenBucket
from lethe_processors.http.errors import Nonsense, ProfileUnsafe, Refused, Trouble, Unavailable
from lethe_processors.http.profile import ApiKeyHeader, Basic, Bearer
from lethe_processors.http.template import fill_body, fill_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from lethe_processors.credentials import Credentials
    from lethe_processors.http.profile import Auth, HttpProfile
    from lethe_processors.http.steps import Call

_PATIENCE = 2.0
"""Seconds of Retry-After that are waited out within a call; a longer wait is the runner's."""
_SENDS = 3
"""How often one call is sent again after such a wait."""
_PAUSE = 1.0
"""Seconds to stay away after a 429 or 503 without a usable Retry-After."""
_LONGEST_PAUSE = 3600.0
_LATER = frozenset({408, 425, 429})
_SAYS_WAIT = frozenset({429, 503})
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Timing:
    """Clocks and sleep, so that tests need neither."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    monotonic: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is kept out of every repr and log: it holds the person's data."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> object:
        """Raises Nonsense if the body is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Nonsense from None


class Vendor:
    """Shared by all calls of one process to one vendor. Raises Trouble; vendor text goes nowhere."""

    def __init__(
        self,
        profile: HttpProfile,
        auth: Auth,
        credentials: Credentials,
        *,
        transport: httpx.AsyncBaseTransport | None,
        timing: Timing,
    ) -> None:
        """Raises CredentialMissing or ProfileUnsafe."""
        _keep_addresses_out_of_logs()
        self._profile = profile
        self._auth = auth
        self._credentials = credentials
        self._timing = timing
        base = profile.base_url
        self._base = (credentials.resolve(base) if base.startswith("env:") else base).rstrip("/")
        _refuse_plain(self._base, profile)
        self._bucket = TokenBucket(profile.rate.per_second if profile.rate else None, timing.monotonic())
        self._not_before = 0.0
        self._secret = _authorisation(auth, credentials)
        self._seconds = profile.timeout.total_seconds()
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(self._seconds),
            follow_redirects=False,
            headers={"accept": "application/json", **profile.headers},
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def call(
        self,
        call: Call,
        values: Mapping[str, str],
        *,
        accepts: Collection[int],
        url: str | None = None,
        params: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Reply:
        """The answer, if its status is one of `accepts`; any other raises the Trouble that it means.

        `url` replaces the path of the call, for a page that the vendor named; it must be on the vendor's host.
        """
        address = self._own(url) if url is not None else self._base + fill_path(call.path, values)
        content = None if call.body is None else json.dumps(fill_body(call.body, values)).encode()
        headers = {} if content is None else {"content-type": "application/json"}
        if idempotency_key is not None and self._profile.idempotency_header is not None:
            headers[self._profile.idempotency_header] = idempotency_key
        for send in range(_SENDS):
            await self._turn()
            reply, wait = await self._send(call.method, address, content, headers, params)
            if reply.status in accepts:
                return reply
            if wait is not None:
                self._not_before = max(self._not_before, self._timing.monotonic() + wait)
                if wait <= _PATIENCE and send + 1 < _SENDS:
                    continue
            if reply.status == HTTPStatus.UNAUTHORIZED and send == 0 and self._rotated():
                continue
            raise meaning(reply.status, wait)
        raise Unavailable("rate_limited", _PAUSE)

    async def _turn(self) -> None:
        while True:
            now = self._timing.monotonic()
            if self._not_before - now > _PATIENCE:
                raise Unavailable("rate_limited", self._not_before - now)
            wait = self._not_before - now
            if wait <= 0:
                taken, wait = self._bucket.take(1, now)
                if taken:
                    return
            await self._timing.sleep(wait)

    async def _send(
        self,
        method: str,
        url: str,
        content: bytes | None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
    ) -> tuple[Reply, float | None]:
        try:
            address = httpx.URL(url).copy_merge_params(params) if params else httpx.URL(url)
            request = self._client.build_request(method, address, content=content, headers={**self._secret, **headers})
            async with asyncio.timeout(self._seconds):
                response = await self._client.send(request, stream=True)
                try:
                    body = await self._read(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise Unavailable("vendor_timeout") from None
        except httpx.DecodingError:
            raise Nonsense from None
        except httpx.TransportError:
            raise Unavailable("vendor_unreachable") from None
        except httpx.InvalidURL:
            raise Nonsense from None
        finally:
            self._client.cookies.clear()  # a session of one person's call must not reach the next
        return Reply(response.status_code, body), self._asked_to_wait(response)

    async def _read(self, response: httpx.Response) -> bytes:
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._profile.max_bytes:
                raise Nonsense
            chunks.append(chunk)
        return b"".join(chunks)

    def _asked_to_wait(self, response: httpx.Response) -> float | None:
        if response.status_code not in _SAYS_WAIT:
            return None
        asked = response.headers.get("retry-after", "")
        try:
            seconds = float(asked)
        except ValueError:
            try:
                at = parsedate_to_datetime(asked)
                seconds = (at.replace(tzinfo=at.tzinfo or UTC) - self._timing.now()).total_seconds()
            except (ValueError, TypeError):
                seconds = _PAUSE
        return min(_LONGEST_PAUSE, seconds) if seconds > 0 else _PAUSE

    def _own(self, url: str) -> str:
        joined = str(httpx.URL(self._base + "/").join(url))
        if urlsplit(joined)[:2] != urlsplit(self._base)[:2]:
            raise Nonsense  # a page elsewhere would be given our credentials
        return joined

    def _rotated(self) -> bool:
        """Whether the secret has changed since it was read; from now on the new one is used."""
        secret = _authorisation(self._auth, self._credentials)
        changed, self._secret = secret != self._secret, secret
        return changed


def meaning(status: int, wait: float | None = None) -> Trouble:
    """What a status means that no rule of the profile names."""
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return Nonsense()  # "well done" to something that was not asked
    if status in _SAYS_WAIT or status in _LATER:
        return Unavailable("rate_limited", wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable("vendor_unavailable")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Refused("credentials_refused")
    if status < HTTPStatus.BAD_REQUEST:
        return Refused("redirected")
    return Refused(f"status_{status}")


def _authorisation(auth: Auth, credentials: Credentials) -> dict[str, str]:
    if isinstance(auth, Bearer):
        return {"authorization": f"Bearer {credentials.resolve(auth.token)}"}
    if isinstance(auth, Basic):
        user = credentials.resolve(auth.user) if auth.user.startswith(("env:", "file:")) else auth.user
        pair = f"{user}:{credentials.resolve(auth.password)}".encode()
        return {"authorization": f"Basic {b64encode(pair).decode()}"}
    if isinstance(auth, ApiKeyHeader):
        return {auth.header: credentials.resolve(auth.key)}
    return {}


def _refuse_plain(base: str, profile: HttpProfile) -> None:
    parts = urlsplit(base)
    if parts.scheme == "https" or profile.plain_http or parts.hostname in _LOCAL:
        return
    raise ProfileUnsafe(
        "base_url is not https: credentials and personal data would travel in clear. Use https, "
        "or write `plain_http: true` if the way there is protected otherwise"
    )


def _keep_addresses_out_of_logs() -> None:
    """Httpx logs every URL at INFO, httpcore at DEBUG; a URL here can hold an identifier."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
