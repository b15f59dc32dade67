"""The vendor's API: OAuth 2, forms, pages by the Link header, a code to be confirmed, and PATCH for what must stay."""

# Annotations are real objects here, because FastAPI reads them.
import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from lethe_example_newsletter.vendor import MASKED, Contact, Erasure, Vendor

PAGE = 10
CLIENT = "lethe"


def create_app(vendor: Vendor, *, client_secret: str) -> FastAPI:
    """`client_secret` is that of the client `lethe`."""

    @asynccontextmanager
    async def working(_: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            work = group.create_task(vendor.work())
            yield
            work.cancel()

    app = FastAPI(title="Newsletter, an invented vendor", docs_url=None, redoc_url=None, lifespan=working)

    @app.get("/readyz")
    async def ready() -> dict[str, object]:
        return {"ok": True, "contacts": len(vendor.contacts)}

    @app.post("/oauth/token", response_model=None)
    async def token(request: Request) -> Response:
        given = _client(request.headers.get("authorization", ""))
        if not secrets.compare_digest(given.encode(), f"{CLIENT}:{client_secret}".encode()):
            return _error(401, "invalid_client")
        if (await _form(request)).get("grant_type") != "client_credentials":
            return _error(400, "unsupported_grant_type")
        answer = {"access_token": vendor.token(), "token_type": "Bearer", "expires_in": vendor.terms.token_seconds}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    app.include_router(_contacts(vendor))
    app.include_router(_erasures(vendor))

    @app.middleware("http")
    async def guard(request: Request, forward: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path.startswith("/v2/"):
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not vendor.lets_in(given):
                return _error(401, "invalid_token")
        return await forward(request)

    return app


def _contacts(vendor: Vendor) -> APIRouter:
    api = APIRouter(prefix="/v2")

    @api.get("/contacts", response_model=None)
    async def contacts(address: str, page: int = 1) -> Response:
        found = vendor.alike(address)
        part = found[(page - 1) * PAGE : page * PAGE]
        headers = {}
        if len(found) > page * PAGE:
            onward = f"/v2/contacts?address={quote(address)}&page={page + 1}"
            headers["Link"] = f'<{onward}>; rel="next", </v2/contacts>; rel="first"'
        return JSONResponse({"items": [_told(c) for c in part]}, headers=headers)

    @api.get("/lookup", response_model=None)
    async def lookup(number: str) -> Response:
        return JSONResponse({"items": [_told(c) for c in vendor.contacts.values() if c.number == number]})

    @api.get("/contacts/{contact_id}", response_model=None)
    async def contact(contact_id: str) -> Response:
        found = vendor.contacts.get(contact_id)
        return JSONResponse(_told(found)) if found else _error(404, "not_found")

    @api.patch("/contacts/{contact_id}", response_model=None)
    async def change(contact_id: str, changes: dict[str, Any]) -> Response:
        found = vendor.contacts.get(contact_id)
        if found is None:
            return _error(404, "not_found")
        if not vendor.terms.forgets_masks:
            found.name = str(changes.get("name", found.name))
            found.email = str(changes.get("email", found.email))
        return JSONResponse(_told(found))

    return api


def _erasures(vendor: Vendor) -> APIRouter:
    api = APIRouter(prefix="/v2/erasures")

    @api.post("", response_model=None)
    async def ask(request: Request) -> Response:
        form = await _form(request)
        contact = vendor.contacts.get(form.get("contact", ""))
        if contact is None:
            return _error(404, "not_found")
        erasure, is_new = vendor.erase(contact, form.get("notify", ""))
        return JSONResponse(_standing(erasure), 202 if is_new else 409)

    @api.post("/{erasure_id}/confirmation", response_model=None)
    async def confirm(erasure_id: str, request: Request) -> Response:
        erasure = vendor.erasures.get(erasure_id)
        if erasure is None:
            return _error(404, "not_found")
        if (await _form(request)).get("code") != erasure.code:
            return _error(422, "wrong_code")
        vendor.confirm(erasure)
        return JSONResponse(_standing(erasure), 202)

    return api


def _client(header: str) -> str:
    """Client and secret as RFC 6749 §2.3.1 lets them be sent: form-encoded, then as in Basic."""
    try:
        user, _, secret = base64.b64decode(header.removeprefix("Basic "), validate=True).decode().partition(":")
    except ValueError:
        return ""
    return f"{unquote_plus(user)}:{unquote_plus(secret)}"


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").split(";")[0] != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl((await request.body()).decode()))


def _told(contact: Contact) -> dict[str, object]:
    subscribed = not contact.email.endswith(MASKED)
    return {
        "id": contact.id,
        "email": contact.email,
        "name": contact.name,
        "number": contact.number,
        "subscribed": subscribed,
    }


def _standing(erasure: Erasure) -> dict[str, object]:
    return {"erasure": {"id": erasure.id, "state": erasure.state, "code": erasure.code}}


def _error(status: int, code: str) -> Response:
    return JSONResponse({"error": code}, status)
