"""The vendor's API, in the shape of Kustomer and Zendesk, and beside it what tests and demonstrations switch."""

# Annotations are real objects here, because FastAPI reads them.
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from lethe_example_helpdesk.behaviour import Misbehaving
from lethe_example_helpdesk.store import Store
from lethe_example_helpdesk.tickets import Customer, Ticket
from lethe_example_shop.person import DEMO_PERSON

PAGE = 25
_KEYS = frozenset({"email", "phone", "externalId"})


def create_app(store: Store, misbehaving: Misbehaving, *, token: str, read_token: str = "") -> FastAPI:
    """`token` may do everything, `read_token` only GET; both are asked for as bearer."""
    app = FastAPI(title="Helpdesk, an invented vendor", docs_url=None, redoc_url=None)
    app.include_router(_api(store, misbehaving))
    app.include_router(_admin(store, misbehaving))

    @app.get("/readyz")
    @app.get("/livez")
    async def ready() -> dict[str, object]:
        return {"ok": True, "customers": len(store)}

    @app.middleware("http")
    async def guard(request: Request, forward: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path in {"/readyz", "/livez"}:
            return await forward(request)
        allowed = [token, read_token] if request.method == "GET" else [token]
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not any(known and secrets.compare_digest(given.encode(), known.encode()) for known in allowed):
            return _error(401, "unauthorized")
        if request.url.path.startswith("/api/"):
            fault = await misbehaving.fault(time.monotonic())
            if fault is not None:
                return fault
            store.work(time.monotonic())
        return await forward(request)

    return app


def _api(store: Store, misbehaving: Misbehaving) -> APIRouter:
    api = APIRouter(prefix="/api/v1")

    @api.get("/customers/{name}", response_model=None)
    async def customer(name: str) -> Response:
        key, is_key, value = name.partition("=")
        found = store.by_key(key, value) if is_key and key in _KEYS else store.get(name)
        return JSONResponse({"data": _resource(found)}) if found else _error(404, "not_found")

    @api.delete("/customers/{customer_id}", response_model=None)
    async def delete(customer_id: str) -> Response:
        found = store.get(customer_id)
        if found is None:
            return _error(404, "not_found")
        if found.deletion is not None:
            body = {"error": {"code": "deletion_in_progress"}, "data": {"id": found.deletion}}
            return JSONResponse(body, 409)
        behaviour = misbehaving.behaviour
        job = store.delete(found, time.monotonic(), behaviour.deletion_seconds, lies=behaviour.lie)
        return JSONResponse({"data": {"type": "deletion", "id": job.id, "attributes": {"status": job.status}}}, 202)

    @api.get("/deletions/{deletion_id}", response_model=None)
    async def deletion(deletion_id: str) -> Response:
        job = store.deletion(deletion_id)
        if job is None:
            return _error(404, "not_found")
        return JSONResponse({"data": {"type": "deletion", "id": job.id, "attributes": {"status": job.status}}})

    @api.get("/search", response_model=None)
    async def search(query: str, page: int = 1) -> Response:
        found = sorted(store.search(query), key=lambda c: c.id)
        part = found[(page - 1) * PAGE : page * PAGE]
        onward = f"/api/v1/search?{urlencode({'query': query, 'page': page + 1})}" if len(found) > page * PAGE else None
        rows = [{"id": c.id, "email": c.person.email, "externalId": c.person.customer_no} for c in part]
        return JSONResponse({"results": rows, "count": len(found), "links": {"next": onward}})

    @api.get("/customers/{customer_id}/tickets", response_model=None)
    async def tickets(customer_id: str, page: int = 1) -> Response:
        found = store.get(customer_id)
        if found is None:
            return _error(404, "not_found")
        part = found.tickets[(page - 1) * PAGE : page * PAGE]
        more = len(found.tickets) > page * PAGE
        onward = f"/api/v1/customers/{customer_id}/tickets?page={page + 1}" if more else None
        return JSONResponse({"data": [_ticket(t) for t in part], "links": {"next": onward}})

    return api


def _admin(store: Store, misbehaving: Misbehaving) -> APIRouter:
    admin = APIRouter(prefix="/admin")

    @admin.get("/behaviour")
    async def behaviour() -> dict[str, object]:
        return misbehaving.behaviour.told()

    @admin.put("/behaviour", response_model=None)
    async def change(changes: dict[str, Any]) -> Response:
        try:
            misbehaving.behaviour.change(changes)
        except ValueError as error:
            return JSONResponse({"error": {"code": "bad_behaviour", "detail": str(error)}}, 422)
        return JSONResponse(misbehaving.behaviour.told())

    @admin.get("/holds", response_model=None)
    async def holds(email: str) -> Response:
        """What there really is of a person, whatever the API says."""
        found = store.by_key("email", email)
        return JSONResponse({"customers": int(found is not None), "tickets": len(found.tickets) if found else 0})

    @admin.post("/demo-person", response_model=None)
    async def demo_person() -> Response:
        """The person of the demonstration writes to the helpdesk (again)."""
        return JSONResponse({"id": store.add(DEMO_PERSON).id}, 201)

    return admin


def _resource(customer: Customer) -> dict[str, object]:
    person = customer.person
    attributes = {
        "email": person.email,
        "name": f"{person.first_name} {person.last_name}",
        "phone": person.phone,
        "externalId": person.customer_no,
    }
    return {"type": "customer", "id": customer.id, "attributes": attributes}


def _ticket(ticket: Ticket) -> dict[str, object]:
    return {
        "type": "ticket",
        "id": ticket.id,
        "attributes": {
            "subject": ticket.subject,
            "text": ticket.text,
            "agent": {"name": ticket.agent},
            "internal_note": ticket.internal_note,
        },
    }


def _error(status: int, code: str) -> Response:
    return JSONResponse({"error": {"code": code}}, status)
