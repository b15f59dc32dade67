"""The app, with a way past the layers of the framework for the few addresses whose cost counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastapi import FastAPI
from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    Endpoint = Callable[[Request], Awaitable[ASGIApp]]


class _Route(NamedTuple):
    """What metrics read of a matched route."""

    path: str
    endpoint: Endpoint


class ExpressRoutes:
    """Serves exact addresses: no patterns, no dependencies, no response models."""

    def __init__(self) -> None:
        self._routes: MutableMapping[tuple[str, str], _Route] = {}

    def add(self, method: str, path: str, endpoint: Endpoint) -> None:
        self._routes[method, path] = _Route(path, endpoint)

    def __contains__(self, address: tuple[str, str]) -> bool:
        return address in self._routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes[scope["method"], scope["path"]]
        scope["route"] = route
        response = await route.endpoint(Request(scope, receive))
        await response(scope, receive, send)


class ExpressApp(FastAPI):
    """A FastAPI app that hands express addresses to `express_door`, which stands before `express`."""

    express: ExpressRoutes
    express_door: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) in self.express:
            scope["app"] = self
            await self.express_door(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def serve_express(app: FastAPI, method: str, path: str, endpoint: Endpoint) -> None:
    """Serve one exact address past the layers of the framework, which cost more than a short endpoint does.

    `endpoint` takes the request and gives an ASGI response; errors are answered as everywhere. Add it as an ordinary
    route too, so that it is in the API document. Raises TypeError for an app that `create_app` did not make.
    """
    if not isinstance(app, ExpressApp):
        raise TypeError("an express address needs an app made by create_app")
    app.express.add(method, path, endpoint)
