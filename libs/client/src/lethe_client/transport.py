"""HTTP as both clients speak it: a bearer token, problem documents as errors, safe calls repeated."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import httpx

from lethe_client.errors import Unreachable, of_problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

TIMEOUT = httpx.Timeout(15.0, connect=3.0)
ATTEMPTS = 3
LONGEST_PAUSE = 5.0
"""Seconds. A service that asks to wait longer is not waited for."""
_AGAIN = frozenset({429, 502, 503, 504})


class Transport:
    """One service at one address. Use as an async context manager."""

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        headers = {"Accept": "application/json", "User-Agent": "lethe-client"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self.url = url
        self._attempts = attempts
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, params: Mapping[str, object] | None = None) -> Any:
        return await self._call("GET", path, params=_given(params), safe=True)

    async def post(
        self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None, safe: bool = False
    ) -> Any:
        """`safe`: the call may be repeated, because it carries an idempotency key."""
        return await self._call("POST", path, json=body, headers=dict(headers or {}), safe=safe)

    def stream(self, path: str) -> Any:
        """An `httpx` streaming response, to be checked with `raise_for`."""
        return self._http.stream("GET", path)

    async def raise_for(self, response: httpx.Response) -> None:
        if not response.is_success:
            await response.aread()
            raise of_problem(response.status_code, _problem(response))

    async def _call(self, method: str, path: str, *, safe: bool, **more: Any) -> Any:
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts or not safe
            try:
                response = await self._http.request(method, path, **more)
            except httpx.TransportError as error:
                if last:
                    raise self._unreachable(error) from error
                await asyncio.sleep(0.1 * 2**attempt)
                continue
            pause = _retry_after(response, 0.1 * 2**attempt)
            if response.status_code in _AGAIN and not last and pause <= LONGEST_PAUSE:
                await asyncio.sleep(pause)
                continue
            await self.raise_for(response)
            return _json(response)
        raise AssertionError("the last attempt returns or raises")

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        why = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        return Unreachable(f"{self.url} {why} ({type(error).__name__}): is the service running, is the address right?")


def _given(params: Mapping[str, object] | None) -> dict[str, Any] | None:
    """None rather than nothing: an empty mapping would take away the query of a path that has one."""
    return {name: value for name, value in (params or {}).items() if value is not None} or None


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else otherwise


def _json(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else None
    except json.JSONDecodeError as error:
        raise Unreachable(f"{response.url.host} answered something that is not JSON: is the address right?") from error


def _problem(response: httpx.Response) -> Mapping[str, object]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
