"""One vendor over HTTP: authentication, rate, limits, and what a status means when no rule of the profile says it."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import httpx

from lethe_processors.bucket import TokenBucket
from lethe_processors.http.authentication import OAuth2
from lethe_processors.http.authorising import authoriser_of
from lethe_processors.http.errors import Nonsense, ProfileUnsafe, Unavailable
from lethe_processors.http.replies import SAYS_WAIT, Reply, meaning
from lethe_processors.http.template import fill_body, fill_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from lethe_processors.credentials import Credentials
    from lethe_processors.http.authentication import Auth
    from lethe_processors.http.profile import HttpProfile
    from lethe_processors.http.steps import Call

_PATIENCE = 2.0
"""Seconds of Retry-After that are waited out within a call; a longer wait is the runner's."""
_SENDS = 3
"""How often one call is sent again after such a wait."""
_PAUSE = 1.0
"""Seconds to stay away after a 429 or 503 without a usable Retry-After."""
_LONGEST_PAUSE = 3600.0
_FORM = "application/x-www-form-urlencoded"
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Timing:
    """Clocks and sleep, so that tests need neither."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    monotonic: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


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
        self._timing = timing
        self._base = _resolved(profile.base_url, credentials).rstrip("/")
        _refuse_plain(self._base, profile)
        self.calls_back = profile.callback is not None
        self.callback_url = _resolved(profile.callback.url or "", credentials) if profile.callback else ""
        self._token_url = self._address_of_tokens(auth, credentials)
        self._bucket = TokenBucket(profile.rate.per_second if profile.rate else None, timing.monotonic())
        self._not_before = 0.0
        self._authoriser = authoriser_of(auth, credentials, self._fetch_token, timing.monotonic)
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
        content, headers = _content(call, values)
        if idempotency_key is not None and self._profile.idempotency_header is not None:
            headers[self._profile.idempotency_header] = idempotency_key
        renewed = False
        for send in range(_SENDS):
            await self._turn()
            ours = await self._authoriser.headers()
            reply, wait = await self._send(call.method, address, content, {**ours, **headers}, params)
            if reply.status in accepts:
                return reply
            if wait is not None:
                self._not_before = max(self._not_before, self._timing.monotonic() + wait)
                if wait <= _PATIENCE and send + 1 < _SENDS:
                    continue
            if reply.status == HTTPStatus.UNAUTHORIZED and not renewed and await self._authoriser.renewed(ours):
                renewed = True
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
            request = self._client.build_request(method, address, content=content, headers=headers)
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
        onward = response.links.get("next", {}).get("url")
        return Reply(response.status_code, body, onward), self._asked_to_wait(response)

    async def _read(self, response: httpx.Response) -> bytes:
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._profile.max_bytes:
                raise Nonsense
            chunks.append(chunk)
        return b"".join(chunks)

    def _asked_to_wait(self, response: httpx.Response) -> float | None:
        if response.status_code not in SAYS_WAIT:
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

    def _address_of_tokens(self, auth: Auth, credentials: Credentials) -> str | None:
        """Raises CredentialMissing or ProfileUnsafe."""
        if not isinstance(auth, OAuth2):
            return None
        told = _resolved(auth.token_url, credentials)
        address = self._base + told if told.startswith("/") else told
        _refuse_plain(address, self._profile, "token_url")
        return address

    async def _fetch_token(self, headers: Mapping[str, str], form: bytes) -> Reply:
        assert self._token_url is not None
        reply, wait = await self._send("POST", self._token_url, form, {**headers, "content-type": _FORM}, None)
        if reply.status == HTTPStatus.OK or HTTPStatus.BAD_REQUEST <= reply.status <= HTTPStatus.FORBIDDEN:
            return reply
        raise meaning(reply.status, wait)


def _content(call: Call, values: Mapping[str, str]) -> tuple[bytes | None, dict[str, str]]:
    """The body of a call and the header that says what it is."""
    if call.form is not None:
        filled = fill_body(dict(call.form), values)
        assert isinstance(filled, dict)
        return urlencode(filled).encode(), {"content-type": _FORM}
    if call.body is None:
        return None, {}
    return json.dumps(fill_body(call.body, values)).encode(), {"content-type": "application/json"}


def _resolved(text: str, credentials: Credentials) -> str:
    return credentials.resolve(text) if text.startswith("env:") else text


def _refuse_plain(address: str, profile: HttpProfile, field: str = "base_url") -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" or profile.plain_http or parts.hostname in _LOCAL:
        return
    raise ProfileUnsafe(
        f"{field} is not https: credentials and personal data would travel in clear. Use https, "
        "or write `plain_http: true` if the way there is protected otherwise"
    )


def _keep_addresses_out_of_logs() -> None:
    """Httpx logs every URL at INFO, httpcore at DEBUG; a URL here can hold an identifier."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
