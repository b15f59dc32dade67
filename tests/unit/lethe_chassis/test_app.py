from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import pytest
import structlog
from fastapi import Depends, FastAPI, Request
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.responses import Response

from lethe_chassis import (
    BodyRule,
    HealthChecks,
    Principal,
    ProblemError,
    Unauthorised,
    authorise,
    create_app,
    current_traceparent,
    require_scope,
    serve_express,
)
from lethe_chassis.boundary import Boundary
from lethe_chassis.metrics import HttpMetrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PERSON = "mina.castellanos@people.example"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ME = Principal("me", frozenset({"acme"}), frozenset({"a:read"}))


class OneToken:
    async def authenticate(self, token: str) -> Principal:
        if token != "good":
            raise Unauthorised("token_invalid", "The token is not accepted.", error="invalid_token")
        return ME

    async def keep_fresh(self) -> None:
        await asyncio.Event().wait()

    async def check(self) -> dict[str, object]:
        return {}

    async def close(self) -> None: ...


class Item(BaseModel):
    name: str


def _app() -> FastAPI:
    app = create_app(
        title="probe",
        version="1",
        auth=OneToken(),
        health=HealthChecks(),
        registry=CollectorRegistry(),
        body_rules={"/files/": BodyRule(1_000_000, frozenset()), "/files/small/": BodyRule(10, frozenset())},
    )

    @app.get("/things/{thing_id}")
    async def thing(thing_id: int, me: Annotated[Principal, Depends(require_scope("a:read"))]) -> dict[str, str]:
        me.require_sight("acme" if thing_id == 1 else "beta" if thing_id == 2 else None, "thing")
        return {"trace": current_traceparent() or ""}

    @app.post("/things")
    async def add(item: Item) -> Item:
        return item

    @app.get("/admin")
    async def admin(request: Request) -> dict[str, str]:
        await authorise(request, "a:admin")
        return {}

    @app.get("/raise/{kind}")
    async def fail(kind: str) -> None:
        raise {
            "defect": ValueError(f"row of {PERSON}"),
            "refused": ConnectionRefusedError("db.example"),
            "slow": TimeoutError(),
            "group": ExceptionGroup("g", [ConnectionResetError(), TimeoutError()]),
            "mixed": ExceptionGroup("g", [ConnectionResetError(), KeyError(PERSON)]),
            "problem": ProblemError(418, "teapot", "Teapot", "Use a kettle.", headers={"X-Short": "stout"}),
        }[kind]

    async def quick(request: Request) -> Response:
        if request.headers.get("x-fail"):
            raise ValueError(PERSON)
        (await authorise(request, "a:read")).require_controller(request.headers.get("x-controller", "acme"))
        return Response(await request.body(), 202)

    app.add_api_route("/quick", quick, methods=["POST"])
    serve_express(app, "POST", "/quick", quick)

    @app.put("/files/{name:path}")
    async def upload(name: str, request: Request) -> dict[str, int]:
        return {"size": sum([len(chunk) async for chunk in request.stream()])}

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(_app(), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://probe") as found:
        yield found


def _problem(response: httpx.Response, status: int, type_: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:lethe:problem:{type_}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert len(body["trace_id"]) == 32
    assert PERSON not in response.text
    return body


GOOD = {"Authorization": "Bearer good"}


@pytest.mark.parametrize(
    ("call", "status", "type_"),
    [
        (("GET", "/nowhere", {}), 404, "not_found"),
        (("GET", "/things/abc", {"headers": GOOD}), 404, "not_found"),
        (("DELETE", "/things/1", {}), 405, "method_not_allowed"),
        (("POST", "/things", {"json": {}}), 422, "invalid_content"),
        (
            ("POST", "/things", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
            400,
            "malformed_json",
        ),
        (("POST", "/things", {"data": {"name": "x"}}), 415, "unsupported_media_type"),
        (("POST", "/things", {"content": b"{}"}), 415, "unsupported_media_type"),
        (("POST", "/things", {"json": {"name": "x" * 70_000}}), 413, "too_large"),
        (("GET", "/things/1", {}), 401, "token_missing"),
        (("GET", "/things/1", {"headers": {"Authorization": "Basic Z29vZA=="}}), 401, "token_missing"),
        (("GET", "/things/1", {"headers": {"Authorization": "Bearer bad"}}), 401, "token_invalid"),
        (("GET", "/admin", {"headers": GOOD}), 403, "insufficient_scope"),
        (("GET", "/raise/defect", {}), 500, "error"),
        (("GET", "/raise/refused", {}), 503, "unavailable"),
        (("GET", "/raise/slow", {}), 503, "unavailable"),
        (("GET", "/raise/group", {}), 503, "unavailable"),
        (("GET", "/raise/mixed", {}), 500, "error"),
        (("GET", "/raise/problem", {}), 418, "teapot"),
    ],
)
async def test_every_error_is_a_problem_document(
    client: httpx.AsyncClient, call: tuple[str, str, dict[str, Any]], status: int, type_: str
) -> None:
    method, path, arguments = call
    _problem(await client.request(method, path, **arguments), status, type_)


async def test_answers_carry_the_headers_that_a_client_acts_on(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/things/1")).headers["allow"] == "GET"
    assert (await client.get("/raise/refused")).headers["retry-after"] == "2"
    assert (await client.get("/raise/problem")).headers["x-short"] == "stout"
    assert (await client.post("/things", content=b"x")).headers["accept"] == "application/json"
    assert 'scope="a:admin"' in (await client.get("/admin", headers=GOOD)).headers["www-authenticate"]


async def test_an_outage_is_logged_once_in_a_while_not_once_a_request(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(20):
            await client.get("/raise/refused")
        await client.get("/raise/defect")
    assert [line["event"] for line in lines] == ["a request failed for want of an engine", "a request failed"]
    assert PERSON not in str([{**line, "exc_info": None} for line in lines])


async def test_a_fault_in_the_body_names_its_field(client: httpx.AsyncClient) -> None:
    body = _problem(await client.post("/things", json={"name": 5}), 422, "invalid_content")
    assert body["errors"] == [{"field": "name", "message": "is not a string", "fix": "send a string"}]


async def test_somebody_elses_thing_and_a_missing_one_look_the_same(client: httpx.AsyncClient) -> None:
    foreign = await client.get("/things/2", headers=GOOD)
    missing = await client.get("/things/3", headers=GOOD)
    for response in (foreign, missing):
        _problem(response, 404, "not_found")
    assert {**foreign.json(), "trace_id": ""} == {**missing.json(), "trace_id": ""}


async def test_a_body_of_unknown_length_is_counted_while_it_is_read(client: httpx.AsyncClient) -> None:
    async def chunks(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 5

    assert (await client.put("/files/a", content=chunks(3))).json() == {"size": 15}
    _problem(await client.put("/files/small/a", content=chunks(3)), 413, "too_large")
    headers = {"Content-Type": "application/json"}
    many = chunks(20_000)
    _problem(await client.post("/things", content=many, headers=headers), 413, "too_large")


async def test_the_callers_trace_goes_on_and_shows_in_problems(client: httpx.AsyncClient) -> None:
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    seen = (await client.get("/things/1", headers=headers | GOOD)).json()["trace"]
    assert seen.startswith(f"00-{TRACE}-")
    assert "00f067aa0ba902b7" not in seen
    assert (await client.get("/nowhere", headers=headers)).json()["trace_id"] == TRACE


async def test_an_express_address_keeps_every_promise_of_the_others(client: httpx.AsyncClient) -> None:
    answer = await client.post("/quick", json={"a": 1}, headers=GOOD)
    assert (answer.status_code, answer.json()) == (202, {"a": 1})
    assert answer.headers["cache-control"] == "no-store"
    typed = GOOD | {"Content-Type": "application/json; charset=utf-8"}
    assert (await client.post("/quick", content=b"{}", headers=typed)).status_code == 202
    _problem(await client.post("/quick", json={}), 401, "token_missing")
    _problem(await client.post("/quick", json={}, headers=GOOD | {"X-Controller": "beta"}), 403, "foreign_controller")
    _problem(await client.post("/quick", json={}, headers=GOOD | {"X-Fail": "1"}), 500, "error")
    _problem(await client.post("/quick", content=b"x"), 415, "unsupported_media_type")
    _problem(await client.post("/quick", json="x" * 70_000, headers=GOOD), 413, "too_large")
    _problem(await client.get("/quick"), 405, "method_not_allowed")
    metrics = (await client.get("/metrics")).text
    assert 'dsr_http_requests_total{method="POST",route="/quick",status="202"} 2.0' in metrics
    assert "/quick" in (await client.get("/openapi.json")).json()["paths"]


async def test_an_error_in_the_middle_of_an_answer_leaves_it_incomplete_so_that_the_server_cuts_it() -> None:
    sent: list[str] = []

    async def breaks(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError(PERSON)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    boundary = Boundary(
        breaks,
        metrics=HttpMetrics(CollectorRegistry()),
        unavailable=lambda _: False,
        rules={},
        default_rule=BodyRule(),
    )
    await boundary({"type": "http", "method": "GET", "path": "/", "headers": []}, receive, send)
    assert sent == ["http.response.start"]


async def test_no_cache_keeps_an_answer(client: httpx.AsyncClient) -> None:
    for path in ("/things/1", "/nowhere", "/livez"):
        response = await client.get(path, headers=GOOD)
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_health_answers_by_state_and_livez_needs_only_the_loop() -> None:
    health = HealthChecks(keep_s=-1)
    health.add("postgres", lambda: {"pool": 1})
    app = create_app(title="p", version="1", auth=None, health=health, registry=CollectorRegistry())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://p") as client:

        async def statuses() -> list[int]:
            return [(await client.get(p)).status_code for p in ("/livez", "/startupz", "/readyz")]

        assert await statuses() == [200, 503, 503]
        health.started = True
        assert await statuses() == [200, 200, 200]
        health.add("kafka", lambda: 1 / 0)  # type: ignore[arg-type,return-value]
        assert await statuses() == [200, 200, 503]
        report = (await client.get("/readyz")).json()
        assert report["components"]["postgres"]["state"] == "ok"
        assert report["components"]["kafka"]["reason"] == "ZeroDivisionError"


async def test_metrics_count_by_route_template_never_by_path(client: httpx.AsyncClient) -> None:
    await client.get("/things/1", headers=GOOD)
    await client.get(f"/{PERSON}")
    text = (await client.get("/metrics")).text
    assert 'dsr_http_requests_total{method="GET",route="/things/{thing_id}",status="200"} 1.0' in text
    assert 'route="(none)",status="404"' in text
    assert PERSON not in text


async def test_the_document_shows_security_and_the_real_shape_of_errors(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/things/{thing_id}"]["get"]
    assert operation["security"] == [{"bearer": []}]
    assert operation["responses"]["422"]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
    assert "HTTPValidationError" not in str(document)
    assert "/livez" not in document["paths"]
