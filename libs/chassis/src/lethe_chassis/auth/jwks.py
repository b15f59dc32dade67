"""Keys of an OpenID provider: fetched without blocking, kept while the provider is away, rotated when a kid is new."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import httpx

from lethe_chassis.auth.keys import VerificationKey, read_jwks
from lethe_chassis.auth.settings import is_safe_url

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_DOCUMENT = 256 * 1024
_TIMEOUT_S = 5.0


class RemoteKeys:
    """The key set of one issuer.

    `refresh_s`: keys are fetched anew this often. `min_gap_s`: an unknown kid causes a fetch at most this often, so
    that made-up tokens cannot make us flood the provider. `max_stale_s`: how long old keys outlive a provider that
    is down.
    """

    def __init__(
        self,
        *,
        issuer: str,
        jwks_url: str | None,
        discovery: str | None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        refresh_s: float = 300.0,
        min_gap_s: float = 10.0,
        max_stale_s: float = 86400.0,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._discovery = discovery
        self._client = httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_S, follow_redirects=False)
        self._clock = clock
        self.refresh_s = refresh_s
        self._min_gap_s = min_gap_s
        self._max_stale_s = max_stale_s
        self._lock = asyncio.Lock()
        self._keys: dict[str | None, VerificationKey] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self.generation = 0
        """Grows whenever the set of keys changes: what was verified under an older set must be verified again."""

    @property
    def usable(self) -> bool:
        return self._fetched is not None and self._clock() - self._fetched <= self._max_stale_s

    async def find(self, kid: str | None) -> VerificationKey | None:
        """The key for a token's kid; without a kid, the only key there is. None if the provider does not have it.

        Raises ConnectionError while no keys can be had at all.
        """
        if not self.usable or (kid is not None and kid not in self._keys):
            await self._refresh_unless_recent()
        if not self.usable:
            raise ConnectionError("the keys of the token issuer cannot be fetched")
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Fetch the keys now. Raises ConnectionError; the old keys stay."""
        async with self._lock:
            await self._fetch()

    async def close(self) -> None:
        await self._client.aclose()

    async def _refresh_unless_recent(self) -> None:
        async with self._lock:
            if self._tried is not None and self._clock() - self._tried < self._min_gap_s:
                return
            try:
                await self._fetch()
            except ConnectionError:
                return

    async def _fetch(self) -> None:
        self._tried = self._clock()
        try:
            url = self._jwks_url or await self._discover()
            keys = read_jwks(await self._get(url))
        except (httpx.HTTPError, ValueError) as error:
            raise ConnectionError(f"the keys of the token issuer cannot be fetched ({type(error).__name__})") from None
        self._fetched = self._clock()
        if keys != self._keys:
            self._keys = keys
            self.generation += 1

    async def _discover(self) -> str:
        document = await self._get(self._discovery or "")
        if not isinstance(document, dict) or document.get("issuer") != self._issuer:
            raise ValueError("the discovery document is of another issuer")
        url = document.get("jwks_uri")
        if not isinstance(url, str) or not is_safe_url(url):
            raise ValueError("the discovery document names no https jwks_uri")
        return url

    async def _get(self, url: str) -> object:
        content = bytearray()
        async with self._client.stream("GET", url, headers={"Accept": "application/json"}) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > _MAX_DOCUMENT:
                    raise ValueError("the document is too large")
        found: object = json.loads(content)
        return found
