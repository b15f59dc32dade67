"""The HTTP application that every service starts from."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig  # noqa: TC002 - of a module-level annotation
from prometheus_client import REGISTRY, CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lethe_chassis import metrics, openapi, problem
from lethe_chassis.boundary import BodyRule, Boundary
from lethe_chassis.errors import ProblemError
from lethe_chassis.express import ExpressApp, ExpressRoutes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fastapi import FastAPI
    from pydantic import BaseModel
    from starlette.requests import Request

    from lethe_chassis.auth.principal import Authenticator
    from lethe_chassis.health import HealthChecks


# the framework's own would tell an exporter found in the environment about paths and bodies
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def engine_is_down(error: BaseException) -> bool:
    """Connection refused or lost, or no answer in time. A service adds what its database library raises."""
    if isinstance(error, BaseExceptionGroup):
        return all(engine_is_down(e) for e in error.exceptions)
    return isinstance(error, ConnectionError | TimeoutError)


def create_app(
    *,
    title: str,
    version: str,
    auth: Authenticator | None,
    health: HealthChecks,
    description: str = "",
    unavailable: Callable[[BaseException], bool] = engine_is_down,
    body_rules: Mapping[str, BodyRule] | None = None,
    default_rule: BodyRule | None = None,
    schemas: Sequence[type[BaseModel]] = (),
    registry: CollectorRegistry = REGISTRY,
) -> FastAPI:
    """An app in which every error is a problem document and nothing of an error's text leaks.

    `unavailable` says which exceptions mean that an engine is down (503 with Retry-After instead of 500).
    `body_rules` maps a path prefix to what bodies may be below it (longest prefix wins; otherwise JSON up to 64 KiB).
    `schemas` are models that endpoints read by hand, to be shown in the API document.
    """
    app = ExpressApp(
        title=title,
        version=version,
        description=description,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    app.state.auth = auth
    app.state.health = health
    app.state.registry = registry
    boundary = partial(
        Boundary,
        metrics=metrics.http_metrics(registry),
        unavailable=unavailable,
        rules=body_rules or {},
        default_rule=default_rule or BodyRule(),
    )
    app.add_middleware(boundary)
    app.express = ExpressRoutes()
    app.express_door = boundary(app.express)
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    _add_own_routes(app, health, registry)
    _serve_document(app, schemas)
    return app


def _serve_document(app: FastAPI, schemas: Sequence[type[BaseModel]]) -> None:
    def cached() -> dict[str, object]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi.document(app, schemas)
        return app.openapi_schema

    app.openapi = cached  # type: ignore[method-assign]


def _add_own_routes(app: FastAPI, health: HealthChecks, registry: CollectorRegistry) -> None:
    async def livez() -> Response:
        return _json({"state": "ok"})

    async def startupz() -> Response:
        return _json({"state": "ok" if health.started else "starting"}, 200 if health.started else 503)

    async def readyz() -> Response:
        ready, report = await health.report()
        return _json(report, 200 if ready else 503)

    async def exposition() -> Response:
        return Response(metrics.exposition(registry), media_type=metrics.CONTENT_TYPE)

    for path, endpoint in (("/livez", livez), ("/startupz", startupz), ("/readyz", readyz), ("/metrics", exposition)):
        app.add_api_route(path, endpoint, methods=["GET"], include_in_schema=False, response_model=None)


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value, default=str), status_code=status, media_type="application/json")


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem.render(error)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem.render(problem.of_status(error.status_code, error.headers))


async def _on_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem.render(problem.of_validation(error.errors()))
