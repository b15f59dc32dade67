"""Errors of the chassis.

ChassisError
├── SettingsError          permanent: the process does not start until a person corrects the environment
├── BackgroundDied         permanent: a part of the service ended by itself, so the service ends
└── ProblemError           the answer to one HTTP request (RFC 9457)
    ├── Unauthorised       rejected, 401
    ├── Forbidden          rejected, 403
    ├── NotFound           rejected, 404
    ├── Conflict           rejected, 409
    ├── Gone               rejected, 410
    ├── Invalid            rejected, 422: names each field, what is wrong and what to do
    ├── TooManyRequests    transient, 429 with Retry-After
    └── Unavailable        transient, 503 with Retry-After
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ChassisError(Exception):
    """Base, so that a caller can tell our refusals from defects."""


class SettingsError(ChassisError):
    """Every missing or invalid setting, one line each: the variable, what is wrong, what to set."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


class BackgroundDied(ChassisError):
    """A background part ended although nobody stopped it. A service that went on would look healthy and do nothing."""


class FieldError(NamedTuple):
    """One thing wrong with one field. Says what to do and never repeats the value (it may be personal data)."""

    field: str
    message: str
    fix: str


class ProblemError(ChassisError):
    """An HTTP answer other than success, rendered as `application/problem+json`.

    `type_` is a slug, stable for clients; `title` never varies for one type; `detail` tells the reader what to do
    next. None of them may hold personal data, because clients log them.
    """

    def __init__(
        self,
        status: int,
        type_: str,
        title: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{status} {type_}: {detail}")
        self.status = status
        self.type = type_
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class Unauthorised(ProblemError):
    def __init__(self, type_: str, detail: str, *, error: str | None = None) -> None:
        """`error` is the RFC 6750 code; absent when no token was sent at all."""
        challenge = 'Bearer realm="lethe"' + (f', error="{error}"' if error else "")
        super().__init__(401, type_, "Authentication is needed", detail, headers={"WWW-Authenticate": challenge})


class Forbidden(ProblemError):
    def __init__(self, type_: str, detail: str, *, scopes: Sequence[str] = ()) -> None:
        headers = {}
        if scopes:
            headers["WWW-Authenticate"] = (
                f'Bearer realm="lethe", error="insufficient_scope", scope="{" ".join(sorted(scopes))}"'
            )
        super().__init__(403, type_, "Not allowed", detail, headers=headers)


class NotFound(ProblemError):
    def __init__(self, detail: str, *, type_: str = "not_found") -> None:
        super().__init__(404, type_, "Not found", detail)


class Conflict(ProblemError):
    def __init__(self, type_: str, detail: str, *, retry_after: int | None = None) -> None:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(409, type_, "Conflict", detail, headers=headers)


class Gone(ProblemError):
    def __init__(self, type_: str, detail: str) -> None:
        super().__init__(410, type_, "Gone", detail)


class Invalid(ProblemError):
    def __init__(
        self, errors: Sequence[FieldError], *, detail: str = "Correct the fields listed and send it again."
    ) -> None:
        super().__init__(422, "invalid_content", "The content is not valid", detail, errors=errors)


class Unavailable(ProblemError):
    """The same call may succeed after `retry_after` seconds. `detail` claims that nothing was changed only if so."""

    def __init__(self, type_: str, detail: str, *, retry_after: int = 2) -> None:
        super().__init__(
            503, type_, "Not available at the moment", detail, headers={"Retry-After": str(max(1, retry_after))}
        )


class TooManyRequests(ProblemError):
    """The same call succeeds after `retry_after` seconds if less comes at once. Nothing was changed."""

    def __init__(self, type_: str, detail: str, retry_after: int = 1) -> None:
        super().__init__(429, type_, "Too many requests", detail, headers={"Retry-After": str(max(1, retry_after))})
