"""Pages for people, behind the token of the API: signing in, the cookie, the headers. Server-rendered, no script.

Signing in means giving the bearer token once; it then lies in a cookie that only this host's pages send back, and
that no script can read. What the token may see and do is checked at every call, as for the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from fastapi import Request  # noqa: TC002 - FastAPI evaluates annotations
from starlette.responses import HTMLResponse, RedirectResponse, Response

from lethe_chassis.errors import Forbidden, ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import APIRouter

    from lethe_chassis.auth.principal import Authenticator, Principal

COOKIE: Final = "lethe_console"
PATH: Final = "/console"
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_OWN_PAGES: Final = frozenset({None, "same-origin", "none"})
"""What `Sec-Fetch-Site` says of a form of ours, of an address typed in, and of a caller that is no browser."""
_SERVER: Final = 500


class SignInNeeded(Exception):
    """No token, or one that is not good (any more)."""

    def __init__(self, said: str = "") -> None:
        super().__init__(said)
        self.said = said


def html_page(text: str, status: int = 200) -> Response:
    """HTML with the headers that every page has; `Cache-Control: no-store` comes from the boundary."""
    return HTMLResponse(text, status, headers=HEADERS)


@dataclass(frozen=True, slots=True)
class SignIn:
    """`scope`: what a token needs to see any page. `form`: what is said on it and its status → the page."""

    scope: str
    form: Callable[[str, int], Response]

    async def seen(self, request: Request, show: Callable[[Principal], Awaitable[Response]]) -> Response:
        """What `show` answers, or the form. Raises Forbidden for a form that another site sent."""
        if request.method == "POST":
            _from_here(request)
        try:
            principal = await self._principal(request, request.cookies.get(COOKIE, ""))
        except SignInNeeded as needed:
            return self.form(needed.said, 401 if needed.said else 200)
        return await show(principal)

    def add_to(self, router: APIRouter) -> None:
        """The form, signing in and out. `router` has the prefix `/console`."""

        @router.get("/sign-in")
        async def form() -> Response:
            return self.form("", 200)

        @router.post("/sign-in")
        async def sign_in(request: Request) -> Response:
            _from_here(request)
            given = parse_qs((await request.body()).decode("ascii", "replace")).get("token", [""])[0].strip()
            try:
                await self._principal(request, given)
            except SignInNeeded as refused:
                return self.form(refused.said, 401)
            answer = RedirectResponse(PATH, 303)
            # TLS may end at a proxy, so that what came in here says nothing: only this machine does without
            secure = request.url.hostname not in _THIS_MACHINE
            answer.set_cookie(COOKIE, given, path=PATH, httponly=True, samesite="strict", secure=secure)
            return answer

        @router.post("/sign-out")
        async def sign_out(request: Request) -> Response:
            _from_here(request)
            answer = RedirectResponse(f"{PATH}/sign-in", 303)
            answer.delete_cookie(COOKIE, path=PATH)
            return answer

    async def _principal(self, request: Request, token: str) -> Principal:
        auth: Authenticator = request.app.state.auth
        if not token:
            raise SignInNeeded
        try:
            principal = await auth.authenticate(token)
            principal.require_scopes(self.scope)
        except ProblemError as error:
            if error.status >= _SERVER:  # an engine is down, which is not the token's fault
                raise
            raise SignInNeeded(str(error.detail)) from None
        return principal


def _from_here(request: Request) -> None:
    if request.headers.get("sec-fetch-site") not in _OWN_PAGES:
        raise Forbidden("foreign_form", "This form was sent by a page of another site: open the console itself.")
