"""Signing in to pages: who gets a cookie, what it is like, and whose forms are taken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from prometheus_client import CollectorRegistry

from lethe_chassis import BodyRule, HealthChecks, Principal, Unauthorised, Unavailable, create_app
from lethe_chassis.console import SignIn, html_page

if TYPE_CHECKING:
    from starlette.responses import Response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Tokens:
    async def authenticate(self, token: str) -> Principal:
        if token == "away":
            raise Unavailable("unavailable", "The keys cannot be read.")
        if token not in {"good", "narrow"}:
            raise Unauthorised("token_invalid", "The token is not accepted.", error="invalid_token")
        return Principal("me", frozenset({"acme"}), frozenset({"a:read"} if token == "good" else {"b:read"}))

    async def keep_fresh(self) -> None:
        await asyncio.Event().wait()

    async def check(self) -> dict[str, object]:
        return {}

    async def close(self) -> None: ...


def _app() -> FastAPI:
    acted: list[str] = []
    router = APIRouter(prefix="/console", include_in_schema=False)
    sign_in = SignIn("a:read", lambda said, status: html_page(f"Sign in {said}", status))
    sign_in.add_to(router)

    @router.get("")
    async def seen(request: Request) -> Response:
        async def show(who: Principal) -> Response:
            return html_page(f"of {who.subject}")

        return await sign_in.seen(request, show)

    @router.post("/act")
    async def act(request: Request) -> Response:
        async def done(_: Principal) -> Response:
            acted.append("done")
            return html_page("done")

        return await sign_in.seen(request, done)

    app = create_app(
        title="probe",
        version="1",
        auth=Tokens(),
        health=HealthChecks(),
        unavailable=lambda _: False,
        body_rules={"/console": BodyRule(media_types=frozenset({FORM["Content-Type"]}))},
        registry=CollectorRegistry(),
    )
    app.include_router(router)
    app.state.acted = acted
    return app


def site(address: str = "https://lethe.acme.example", app: FastAPI | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app or _app()), base_url=address)


async def sign_in(client: httpx.AsyncClient, token: str = "good", **headers: str) -> httpx.Response:
    return await client.post("/console/sign-in", content=f"token={token}", headers=FORM | headers)


async def test_every_page_forbids_scripts_frames_strange_forms_and_copies() -> None:
    async with site() as client:
        await sign_in(client)
        for path in ("/console", "/console/sign-in"):
            found = (await client.get(path)).headers
            policy = found["content-security-policy"]
            for rule in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
                assert rule in policy
            assert "script-src" not in policy
            assert (found["cache-control"], found["referrer-policy"]) == ("no-store", "no-referrer")
            assert found["x-content-type-options"] == "nosniff"
            assert found["cross-origin-opener-policy"] == found["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("address", "secure"),
    [
        ("https://lethe.acme.example", True),
        ("http://lethe.acme.example", True),  # TLS ends at a proxy: what comes in here is plain
        ("http://127.0.0.1:8082", False),
        ("http://localhost:8082", False),
    ],
)
async def test_the_cookie_is_unreadable_stays_on_this_site_and_goes_over_tls_alone(
    address: str, *, secure: bool
) -> None:
    async with site(address) as client:
        answer = await sign_in(client)
    assert answer.status_code == 303
    said = answer.headers["set-cookie"]
    assert "HttpOnly" in said
    assert "SameSite=strict" in said
    assert "Path=/console" in said
    assert ("Secure" in said) == secure


async def test_a_token_that_is_not_good_or_does_not_suffice_gives_no_cookie_and_is_not_repeated() -> None:
    async with site() as client:
        for token in ("planted-nonsense", "narrow", ""):
            answer = await sign_in(client, token)
            assert answer.status_code == 401 or not token
            assert "set-cookie" not in answer.headers
            assert "planted" not in answer.text
        assert "of me" not in (await client.get("/console")).text


async def test_an_engine_that_is_down_is_not_the_tokens_fault() -> None:
    async with site() as client:
        assert (await sign_in(client, "away")).status_code == 503


async def test_a_form_that_another_site_sent_is_refused_even_with_the_cookie() -> None:
    app = _app()
    async with site(app=app) as client:
        await sign_in(client)
        for where in ("cross-site", "same-site"):
            headers = FORM | {"Sec-Fetch-Site": where}
            for path in ("/console/act", "/console/sign-out", "/console/sign-in"):
                assert (await client.post(path, content="token=good", headers=headers)).status_code == 403
        assert app.state.acted == []
        assert (await client.get("/console", headers={"Sec-Fetch-Site": "cross-site"})).text == "of me"  # a link
        for where in ("same-origin", "none"):
            assert (await client.post("/console/act", headers=FORM | {"Sec-Fetch-Site": where})).text == "done"


async def test_signing_out_takes_the_cookie_back() -> None:
    async with site() as client:
        await sign_in(client)
        assert (await client.get("/console")).text == "of me"
        await client.post("/console/sign-out")
        assert "Sign in" in (await client.get("/console")).text


async def test_a_form_larger_than_any_token_is_refused_unread() -> None:
    async with site() as client:
        assert (await sign_in(client, "x" * 100_000)).status_code == 413
