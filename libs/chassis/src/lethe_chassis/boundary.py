"""The one ASGI middleware around every service: trace, body rules, last resort for errors, metrics.

Plain ASGI, because a request costs microseconds here and is paid for on every path.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from starlette.exceptions import HTTPException

from lethe_chassis import problem
from lethe_chassis.errors import ProblemError, Unavailable
from lethe_chassis.trace import bind, next_hop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lethe_chassis.metrics import HttpMetrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNMATCHED = "(none)"
_WARN_EVERY_S = 5.0
# a connection that breaks during COMMIT leaves it open whether anything was stored
_AWAY = "Lethe cannot reach one of its engines. Send the same again, with the same Idempotency-Key where there is one."
_ALWAYS = ((b"x-content-type-options", b"nosniff"),)
_NO_STORE = (b"cache-control", b"no-store")


@dataclass(frozen=True, slots=True)
class BodyRule:
    """What a body may be at addresses below a prefix. An empty `media_types` takes any."""

    max_bytes: int = 64 * 1024
    media_types: frozenset[str] = field(default_factory=lambda: frozenset({"application/json"}))


@dataclass(slots=True)
class _Call:
    """What is known of one request while it runs."""

    started: float
    status: int = 0
    received: int = 0


class Boundary:
    """`unavailable` tells errors of engines that are down (answered 503) from defects (answered 500)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: HttpMetrics,
        unavailable: Callable[[BaseException], bool],
        rules: Mapping[str, BodyRule],
        default_rule: BodyRule,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._unavailable = unavailable
        self._rules = tuple(sorted(rules.items(), key=lambda r: len(r[0]), reverse=True))
        self._default_rule = default_rule
        self._warned: float | None = None
        self._unwarned = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = _Call(time.perf_counter())
        headers = dict(scope["headers"])
        trace = headers.get(b"traceparent")
        bind(next_hop(trace.decode("latin-1") if trace else None))

        async def send_through(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                _complete(message)
            await send(message)

        try:
            receive = self._guard(scope, headers, receive, call)
            await self._app(scope, receive, send_through)
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, the caller gets a problem
            await self._answer_error(error, call, scope, receive, send_through)
        finally:
            route = getattr(scope.get("route"), "path", _UNMATCHED)
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self._metrics.observe(method, route, call.status or 499, time.perf_counter() - call.started)

    def _rule(self, path: str) -> BodyRule:
        for prefix, rule in self._rules:
            if path.startswith(prefix):
                return rule
        return self._default_rule

    def _guard(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, call: _Call) -> Receive:
        """Refuse a body by its headers; where they do not tell the length, count while it is read."""
        length = headers.get(b"content-length")
        chunked = b"transfer-encoding" in headers
        if not chunked and (length is None or length == b"0"):
            return receive
        rule = self._rule(scope["path"])
        media_type = headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower().decode("latin-1")
        if rule.media_types and media_type not in rule.media_types:
            accepted = ", ".join(sorted(rule.media_types))
            raise problem.of_status(415, {"Accept": accepted}, f"Send the body as {accepted} (header Content-Type).")
        if not chunked and length is not None and length.isdigit():
            if int(length) > rule.max_bytes:
                raise problem.of_status(413, None, _too_large(rule))
            return receive
        return _counting(receive, rule, call)

    async def _answer_error(self, error: Exception, call: _Call, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(error, ProblemError):
            answer = error
        elif isinstance(error, HTTPException):
            answer = problem.of_status(error.status_code, error.headers)
        elif self._unavailable(error):
            answer = Unavailable("unavailable", _AWAY)
            self._warn(error)
        else:
            answer = problem.of_status(500)
            structlog.get_logger(__name__).error("a request failed", exc_info=error)
        if call.status:
            return  # the answer is under way: leaving it incomplete makes the server cut the connection
        await problem.render(answer)(scope, receive, send)

    def _warn(self, error: Exception) -> None:
        """One line every few seconds: during an outage every request fails alike, and metrics count them."""
        now = time.monotonic()
        if self._warned is not None and now - self._warned < _WARN_EVERY_S:
            self._unwarned += 1
            return
        structlog.get_logger(__name__).warning(
            "a request failed for want of an engine", error=type(error).__name__, suppressed=self._unwarned
        )
        self._warned, self._unwarned = now, 0


def _complete(message: Message) -> None:
    """Personal data may be in any answer: no cache keeps one unless the endpoint says so."""
    headers = message.setdefault("headers", [])
    headers.extend(_ALWAYS)
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append(_NO_STORE)


def _counting(receive: Receive, rule: BodyRule, call: _Call) -> Receive:
    async def receive_counted() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            call.received += len(message.get("body", b""))
            if call.received > rule.max_bytes:
                raise HTTPException(413, _too_large(rule))
        return message

    return receive_counted


def _too_large(rule: BodyRule) -> str:
    return f"The body is over {rule.max_bytes} bytes: send less."
